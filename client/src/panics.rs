//! A panic, told as what it is: an error of ours, in one sentence and without a backtrace.

use std::any::Any;
use std::io::{self, Write as _};
use std::panic::{self, PanicHookInfo};

use crate::text::sanitize::sanitize;

/// Has panics of this process told in one sentence on stderr. Those of decoders become errors of
/// their pictures, and are not told twice.
pub fn tell_in_a_sentence() {
    panic::set_hook(Box::new(|info| {
        if !cameo_codec::is_guarded() {
            // `eprintln!` would panic where nobody reads stderr.
            let _ = writeln!(io::stderr(), "{}", sentence(info));
        }
    }));
}

fn sentence(info: &PanicHookInfo<'_>) -> String {
    let place = info.location().map(|place| format!(" at {place}"));
    format!(
        "cameo: an error of ours{}: {}. What was asked for may be done in part; please report it",
        place.unwrap_or_default(),
        message(info.payload()),
    )
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    // It may quote a file's bytes.
    sanitize(text.unwrap_or("without a word"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_that_no_terminal_obeys() {
        let payload: Box<dyn Any + Send> = Box::new("a\x1b[31m\nb".to_owned());
        let shown = message(&*payload);
        assert!(!shown.contains(['\x1b', '\n']), "{shown:?}");
        let payload: Box<dyn Any + Send> = Box::new("plain");
        assert_eq!(message(&*payload), "plain");
    }
}
