//! Events in EDN, the notation of Clojure's data.

use std::fmt::Write as _;
use std::io;

use serde_json::Value;

use super::events::Event;
use super::json::Fields;
use crate::history::History;

pub(super) fn line(history: &History, index: usize, event: &Event) -> io::Result<String> {
    let fields = Fields::of(history, event)?;
    let process = fields
        .process
        .map_or_else(|| ":nemesis".to_owned(), |client| client.to_string());
    let mut key = String::new();
    put_string(&mut key, &fields.key);
    let mut text = format!(
        "{{:index {index}, :process {process}, :type :{}, :f {}, :value [{key} ",
        fields.kind,
        keyword(&fields.f),
    );
    put(&mut text, &fields.value);
    let _infallible = write!(text, "], :time {}", fields.nanoseconds);
    if let Some(error) = fields.error {
        let _infallible = write!(text, ", :error {}", keyword(&error));
    }
    text.push('}');
    Ok(text)
}

/// Names of ours have letters, digits and underscores only, which a keyword may have.
fn keyword(name: &str) -> String {
    format!(":{}", name.replace('_', "-"))
}

fn put(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("nil"),
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => text.push_str(&number.to_string()),
        Value::String(string) => put_string(text, string),
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    text.push(' ');
                }
                put(text, item);
            }
            text.push(']');
        }
        Value::Object(fields) => {
            text.push('{');
            for (place, (name, value)) in fields.iter().enumerate() {
                if place > 0 {
                    text.push_str(", ");
                }
                text.push_str(&keyword(name));
                text.push(' ');
                put(text, value);
            }
            text.push('}');
        }
    }
}

fn put_string(text: &mut String, string: &str) {
    text.push('"');
    for character in string.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\r' => text.push_str("\\r"),
            other => text.push(other),
        }
    }
    text.push('"');
}
