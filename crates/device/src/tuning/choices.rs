use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::Case;
use crate::fault::lock;

/// The variants that were measured to be fastest, by what they compute. Cheap to clone; clones are the same table.
#[derive(Clone, Debug, Default)]
pub struct Choices(Arc<Mutex<Table>>);

#[derive(Debug, Default, PartialEq, Eq)]
struct Table {
    /// The variant by the text of the case.
    best: BTreeMap<String, String>,
    /// The cases that kernels were selected for, if somebody listens.
    heard: Option<Vec<Case>>,
}

impl Choices {
    /// The variant for a case, and a note of the case if somebody listens.
    pub(crate) fn find(&self, case: impl FnOnce() -> Case) -> Option<String> {
        let mut table = lock(&self.0);
        if table.best.is_empty() && table.heard.is_none() {
            return None;
        }
        let case = case();
        let found = table.best.get(&case.to_string()).cloned();
        if let Some(heard) = &mut table.heard
            && !heard.contains(&case)
        {
            heard.push(case);
        }
        found
    }

    /// From now on, notes each case that a kernel is selected for.
    pub fn listen(&self) {
        lock(&self.0).heard = Some(Vec::new());
    }

    /// The cases since [`Choices::listen`], each once; notes no more.
    pub fn heard(&self) -> Vec<Case> {
        lock(&self.0).heard.take().unwrap_or_default()
    }

    /// Takes `variant` for a case from now on. A name that this version does not know, or that does not run on the
    /// adapter, is passed over.
    pub fn set(&self, case: &Case, variant: &str) {
        self.insert([(case.to_string(), variant.to_owned())]);
    }

    /// Leaves all choices to the tables again.
    pub fn clear(&self) {
        lock(&self.0).best.clear();
    }

    /// Cases and variants, as text, in order.
    pub fn entries(&self) -> Vec<(String, String)> {
        lock(&self.0).best.clone().into_iter().collect()
    }

    pub(super) fn insert(&self, entries: impl IntoIterator<Item = (String, String)>) {
        lock(&self.0).best.extend(entries);
    }
}

impl PartialEq for Choices {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.entries() == other.entries()
    }
}

impl Eq for Choices {}
