//! Output of one benchmark with `--json`.

use serde::Serialize;

use super::figure::Figure;
use super::machine::Machine;

#[derive(Debug, Clone, Serialize)]
pub struct Document {
    pub schema: u32,
    pub figures: Vec<Figure>,
    pub machine: Machine,
    /// Names of peers that are not on PATH; for peers that failed, and for figures that were not
    /// measured, "name: reason".
    pub missing: Vec<String>,
}

impl Document {
    pub const SCHEMA: u32 = 1;

    pub fn new(machine: Machine) -> Self {
        Document {
            schema: Self::SCHEMA,
            figures: Vec::new(),
            machine,
            missing: Vec::new(),
        }
    }

    pub fn figure(&self, name: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.name == name)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_document_has_its_published_json_shape() {
        let mut document = Document::new(Machine::here());
        document
            .figures
            .push(Figure::new("psnr_k2", 46.5, "dB", 5, "worst of five"));
        document.missing.push("steghide".into());
        let mut json = serde_json::to_value(&document).unwrap();
        assert!(json["machine"].take().is_object());
        let expected = serde_json::json!({
            "schema": 1,
            "figures": [{
                "name": "psnr_k2",
                "value": 46.5,
                "unit": "dB",
                "n": 5,
                "note": "worst of five",
            }],
            "machine": null,
            "missing": ["steghide"],
        });
        assert_eq!(json, expected);
    }
}
