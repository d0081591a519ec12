//! Numbers for what is only compared.

use std::collections::HashMap;
use std::hash::Hash;

use crate::linearizable::BuildQuick;
use crate::specification::grant::Number;

/// Numbers things in the order in which they are met first.
#[derive(Debug)]
pub(super) struct Numbers<T>(HashMap<T, Number, BuildQuick>);

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

impl<T: Eq + Hash> Numbers<T> {
    pub(super) fn of(&mut self, item: T) -> Number {
        let next = Number::try_from(self.0.len()).unwrap_or(Number::MAX);
        *self.0.entry(item).or_insert(next)
    }
}
