//! HTML page of the report: figures with their goals, and pictures. It has no scripts and loads
//! nothing; light and dark.

use std::fmt::Write as _;

use super::pictures::{Image, PictureSet};
use crate::document::Document;
use crate::figure::Figure;
use crate::goal::{Goals, goal_of};
use crate::rounding::round;

const STYLE: &str = "
:root {
  color-scheme: light dark;
  --ink: #1d2328; --dim: #5d6872; --paper: #fbfbfa; --line: #d9dcdf;
  --good: #1a7f45; --bad: #b3372b;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e4e7ea; --dim: #9aa5af; --paper: #15181b; --line: #343b42;
    --good: #5fce8d; --bad: #f08a7d;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 76rem;
  background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif;
}
h1 { font-size: 1.7rem; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.75rem 0 .5rem; }
p { margin: .25rem 0 .75rem; max-width: 60rem; } .dim { color: var(--dim); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .86rem; }
th, td {
  text-align: left; vertical-align: top; padding: .35rem .6rem;
  border-bottom: 1px solid var(--line);
}
th { color: var(--dim); font-weight: 600; }
.n { text-align: right; }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
code { font: .84rem ui-monospace, monospace; white-space: nowrap; }
.met { color: var(--good); font-weight: 600; white-space: nowrap; }
.not { color: var(--bad); font-weight: 600; white-space: nowrap; }
.row { display: flex; flex-wrap: wrap; gap: .75rem; margin-bottom: .75rem; }
figure { margin: 0; flex: 1 1 12rem; max-width: 24rem; }
figcaption { color: var(--dim); font-size: .82rem; }
img {
  display: block; width: 100%; height: auto; border-radius: 4px;
  border: 1px solid var(--line);
}
.crops img { image-rendering: pixelated; }
";

/// Renders the page.
pub fn page(document: &Document, goals: Goals, shown: &[PictureSet]) -> String {
    let (detection, measured): (Vec<&Figure>, Vec<&Figure>) = document
        .figures
        .iter()
        .partition(|figure| figure.unit == "share");
    let mut body = String::new();
    let machine = escape(&document.machine.summary());
    // Writing to a string cannot fail, here and below.
    let _ = write!(
        body,
        "<h1>Cameo: the codec, measured</h1><p class=dim>{machine}</p>{}",
        missing(&document.missing)
    );
    body.push_str(
        "<h2>Figures</h2><p>A speed (<code>_vs_</code> a program or crate) is theirs / ours: above \
             1 we are faster. A cost (<code>_vs_memcpy</code>, <code>_time_</code>, \
             <code>_size_</code>, <code>_payload_</code>) is ours / theirs. Times are medians.</p>",
    );
    body.push_str(&figures(&measured, goals));
    body.push_str(
        "<h2>Pictures</h2><p>Each carrier is full. Carrier and cover should look the same; the \
         difference, amplified 64 times around grey, shows the payload.</p>",
    );
    for shown in shown {
        let _ = write!(
            body,
            "<h3>{}</h3><div class=row>{}</div><div class=\"row crops\">{}</div>",
            escape(&shown.title),
            images(&shown.thumbnails),
            images(&shown.crops)
        );
    }
    body.push_str(
        "<h2>Simple steganalysis</h2><p>Estimates of three classical detectors for the share of \
         samples that carry something: 0 is none, 1 is all. They were made for plain replacement, \
         which they detect; a carrier that they do not detect may still be detectable. The \
         promise is invisibility to the eye, not undetectability.</p>",
    );
    body.push_str(&detections(&detection));
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width\">\
         <title>Cameo: the codec, measured</title><style>{STYLE}</style>\
         <body>{body}</body></html>\n"
    )
}

fn missing(missing: &[String]) -> String {
    if missing.is_empty() {
        return String::new();
    }
    format!("<p class=dim>Missing: {}.</p>", escape(&missing.join("; ")))
}

fn figures(figures: &[&Figure], goals: Goals) -> String {
    let mut rows = String::new();
    for figure in figures {
        let goal = goal_of(goals, &figure.name);
        let met = match goal.map(|goal| goal.is_met(figure.value)) {
            Some(true) => "<span class=met>met</span>",
            Some(false) => "<span class=not>not met</span>",
            None => "",
        };
        let _ = write!(
            rows,
            "<tr><td><code>{}</code><td class=n>{} {}<td class=n>{}<td>{met}<td class=n>{}\
             <td class=dim>{}",
            escape(&figure.name),
            round(figure.value),
            figure.unit,
            goal.map_or(String::new(), |goal| escape(&goal.to_string())),
            figure.n,
            escape(&figure.note)
        );
    }
    format!(
        "<div class=wide><table><tr><th>figure<th class=n>value<th class=n>goal<th>\
         <th class=n>n<th>how{rows}</table></div>"
    )
}

/// One row per picture, one column per detector.
fn detections(figures: &[&Figure]) -> String {
    let mut rows: Vec<(&str, &str, Vec<f64>)> = Vec::new();
    for figure in figures {
        let what = ["chi_square_", "spa_", "rs_"]
            .iter()
            .find_map(|detector| figure.name.strip_prefix(detector))
            .unwrap_or(&figure.name);
        let truth = figure.note.strip_prefix("truth: ").unwrap_or(&figure.note);
        match rows.iter_mut().find(|(known, ..)| *known == what) {
            Some((_, _, values)) => values.push(figure.value),
            None => rows.push((what, truth, vec![figure.value])),
        }
    }
    let mut text = String::new();
    for (what, truth, values) in rows {
        let _ = write!(
            text,
            "<tr><td><code>{}</code><td>{}",
            escape(what),
            escape(truth)
        );
        for value in values {
            // Adding 0.0 turns -0 into 0.
            let value = (value * 100.0).round() / 100.0 + 0.0;
            let _ = write!(text, "<td class=n>{value:.2}");
        }
    }
    format!(
        "<div class=wide><table><tr><th>picture<th>in truth<th class=n>chi-square\
         <th class=n>sample pairs<th class=n>RS{text}</table></div>"
    )
}

fn images(images: &[Image]) -> String {
    let show = |image: &Image| {
        let caption = escape(&image.caption);
        format!(
            "<figure><img src=\"{}\" alt=\"{caption}\"><figcaption>{caption}</figcaption></figure>",
            image.url
        )
    };
    images.iter().map(show).collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::goals::GOALS;
    use crate::machine::Machine;

    #[test]
    fn the_page_loads_nothing_and_shows_missed_goals() {
        let mut document = Document::new(Machine::here());
        document
            .figures
            .push(Figure::new("psnr_k2", 45.0, "dB", 5, "a < b"));
        document.figures.push(Figure::new(
            "spa_photo_clean",
            0.01,
            "share",
            1,
            "truth: 0.00, clean",
        ));
        document.missing.push("stegolsb".into());
        let page = page(&document, GOALS, &[]);
        assert!(
            !page.contains("http") && !page.contains("<script"),
            "{page}"
        );
        for expected in [
            "not met",
            "a &lt; b",
            "Missing: stegolsb",
            "<td>0.00, clean<td class=n>0.01",
        ] {
            assert!(page.contains(expected), "{expected}: {page}");
        }
    }
}
