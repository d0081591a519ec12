//! A list that only grows, and is shared by all states that begin with it.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use crate::linearizable::Quick;

/// A list whose copy, hash and growth cost the same at any length.
pub struct Chain<T>(Option<Rc<Link<T>>>);

struct Link<T> {
    item: T,
    length: usize,
    /// Of all items up to this one.
    digest: u64,
    before: Chain<T>,
}

impl<T> Chain<T> {
    pub(super) fn new() -> Self {
        Self(None)
    }

    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |link| link.length)
    }

    /// The items with their positions, the last one first.
    pub(super) fn backwards(&self) -> impl Iterator<Item = (usize, &T)> {
        let mut at = self;
        std::iter::from_fn(move || {
            let link = at.0.as_ref()?;
            at = &link.before;
            Some((link.length - 1, &link.item))
        })
    }
}

impl<T: Hash> Chain<T> {
    pub(super) fn with(&self, item: T) -> Self {
        let mut hasher = Quick::default();
        self.digest().hash(&mut hasher);
        item.hash(&mut hasher);
        Self(Some(Rc::new(Link {
            item,
            length: self.len() + 1,
            digest: hasher.finish(),
            before: self.clone(),
        })))
    }

    fn digest(&self) -> u64 {
        self.0.as_ref().map_or(0, |link| link.digest)
    }
}

impl<T> Clone for Chain<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Hash> Hash for Chain<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest().hash(state);
    }
}

impl<T: PartialEq + Hash> PartialEq for Chain<T> {
    fn eq(&self, other: &Self) -> bool {
        let same = match (&self.0, &other.0) {
            (Some(one), Some(two)) => Rc::ptr_eq(one, two),
            (None, None) => true,
            _ => false,
        };
        same || self.len() == other.len()
            && self.digest() == other.digest()
            && self.backwards().eq(other.backwards())
    }
}

impl<T: Eq + Hash> Eq for Chain<T> {}

impl<T: fmt::Debug> fmt::Debug for Chain<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut items: Vec<_> = self.backwards().map(|(_, item)| item).collect();
        items.reverse();
        f.debug_list().entries(items).finish()
    }
}

/// Link by link: the compiler's own way would take a stack frame for each.
impl<T> Drop for Chain<T> {
    fn drop(&mut self) {
        let mut next = self.0.take();
        while let Some(mut link) = next.and_then(Rc::into_inner) {
            next = link.before.0.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_lists_are_equal_however_they_were_made() {
        let one = Chain::new().with(1).with(2);
        let two = Chain::new().with(1).with(2);
        assert_eq!(one, two);
        assert_ne!(one, two.with(3));
        assert_ne!(one, Chain::new().with(2).with(1));
        assert_eq!(format!("{one:?}"), "[1, 2]");
    }

    #[test]
    fn a_long_list_goes_without_a_deep_stack() {
        let mut long = Chain::new();
        for number in 0..200_000 {
            long = long.with(number);
        }
        assert_eq!(long.len(), 200_000);
        drop(long);
    }
}
