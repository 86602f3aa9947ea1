//! A map that forgets what was not used for longest.

use std::borrow::Borrow;
use std::hash::Hash;

use rustc_hash::FxHashMap;

/// At most so many values by their keys; a new one beyond that takes the place of the one that was not asked for
/// for longest.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    most: usize,
    /// With the time of the last use.
    values: FxHashMap<K, (V, u64)>,
    clock: u64,
}

impl<K: Clone + Eq + Hash, V: Clone> Recent<K, V> {
    /// Holds `most` values, or one if that is 0.
    pub(crate) fn new(most: usize) -> Self {
        Self { most: most.max(1), values: FxHashMap::default(), clock: 0 }
    }

    pub(crate) fn get<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.clock += 1;
        let (value, used) = self.values.get_mut(key)?;
        *used = self.clock;
        Some(value.clone())
    }

    /// Adds a value. The search for the oldest looks at all of them: making a value takes far longer.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.clock += 1;
        if self.values.len() >= self.most && !self.values.contains_key(&key) {
            let oldest = self.values.iter().min_by_key(|(_, (_, used))| *used).map(|(key, _)| key.clone());
            oldest.map(|key| self.values.remove(&key));
        }
        self.values.insert(key, (value, self.clock));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_unused_goes_first_and_the_size_stands() {
        let mut recent = Recent::new(3);
        (0..3).for_each(|i| recent.insert(i, i * 10));
        assert_eq!(recent.get(&0), Some(0));
        recent.insert(3, 30);
        assert_eq!([0, 1, 2, 3].map(|i| recent.get(&i)), [Some(0), None, Some(20), Some(30)]);
        recent.insert(2, 21); // in its own place
        assert_eq!([0, 2, 3].map(|i| recent.get(&i)), [Some(0), Some(21), Some(30)]);
        (0..10_000).for_each(|i| recent.insert(i, i));
        assert_eq!(recent.values.len(), 3);
        assert!(recent.values.capacity() < 32, "{}", recent.values.capacity());
    }

    #[test]
    fn one_is_the_least() {
        let mut recent = Recent::new(0);
        recent.insert("a", 1);
        assert_eq!(recent.get("a"), Some(1));
    }
}
