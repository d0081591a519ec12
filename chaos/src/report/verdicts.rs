//! The verdicts, law by law.

use super::picture::escape;
use crate::verdict::{Judged, LawReport, Outcome};

pub(super) fn table(judged: &Judged) -> String {
    let mut rows = String::new();
    for report in &judged.laws {
        if report.expected || report.checked > 0 {
            rows.push_str(&row(report));
        }
    }
    format!(
        "<section><h2>Verdicts</h2><table><tr><th>law</th><th></th><th>checked</th><th></th></tr>\
         {rows}</table></section>\n"
    )
}

fn row(report: &LawReport) -> String {
    let why = match &report.worst {
        Outcome::Valid => String::new(),
        Outcome::Inconclusive { why } | Outcome::Unknown { why } => escape(why),
        Outcome::Invalid { sentence, .. } => escape(sentence),
    };
    let LawReport {
        law, checked, of, ..
    } = report;
    let name = report.worst.name();
    format!(
        "<tr><td>{law}</td><td><span class=\"badge {name}\">{name}</span></td>\
         <td>{checked} {}</td><td class=\"why\">{why}</td></tr>",
        escape(of)
    )
}
