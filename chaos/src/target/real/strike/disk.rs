use super::Strike;
use crate::history::Struck;
pub(super) async fn power_failure(_: &Strike<'_>) -> Struck {
    Struck {
        bit: false,
        seen: String::new(),
    }
}
pub(super) async fn trouble(_: &Strike<'_>) -> Struck {
    Struck {
        bit: false,
        seen: String::new(),
    }
}
pub(super) async fn bit_flip(_: &Strike<'_>) -> Struck {
    Struck {
        bit: false,
        seen: String::new(),
    }
}
