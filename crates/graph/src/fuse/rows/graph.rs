//! Groups and what depends on what, while some are merged.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};

use super::shape::Rows;
use crate::fuse::Group;
use crate::fuse::stages::Fuser;

/// What a merged kernel will be made of.
#[derive(Clone, Debug)]
pub(super) struct Content {
    /// Its instructions, ascending.
    pub instrs: Vec<u32>,
    /// The rows it runs over; a pointwise group has none by itself.
    pub rows: Option<Rows>,
}

/// Groups that become one kernel, or one group alone.
#[derive(Clone, Debug, Default)]
pub(super) struct Cluster {
    /// The places of its groups.
    pub members: Vec<usize>,
    /// `None` for a group that cannot be merged with others.
    pub content: Option<Content>,
    before: BTreeSet<usize>,
    after: BTreeSet<usize>,
}

/// All groups of a program. A cluster is called by the place of one of its groups.
pub(super) struct Clusters<'a> {
    groups: &'a [Group],
    clusters: Vec<Cluster>,
    /// For each group, those it has to run after.
    before: Vec<BTreeSet<usize>>,
}

impl<'a> Clusters<'a> {
    pub fn new(fuser: &Fuser<'_>, groups: &'a [Group]) -> Self {
        let instrs = |group: &Group| match group {
            Group::Kernel { instr, .. } => vec![*instr],
            _ => group.fused().iter().flat_map(|fused| fused.instrs.iter().copied()).collect(),
        };
        let mut writer: HashMap<u32, usize> = HashMap::new();
        for (place, group) in groups.iter().enumerate() {
            instrs(group).into_iter().for_each(|id| _ = writer.insert(id, place));
        }
        let mut clusters = vec![Cluster::default(); groups.len()];
        let mut all_before = Vec::with_capacity(groups.len());
        for (place, group) in groups.iter().enumerate() {
            let instrs = instrs(group);
            let waits = instrs.iter().flat_map(|&id| fuser.waits(id).iter().copied());
            let values = group.values_read().into_iter().chain(waits);
            // what only has to wait may have come to stand before what it waits for, when groups were sunk
            let before: BTreeSet<usize> =
                values.filter_map(|value| writer.get(&value).copied()).filter(|&b| b < place).collect();
            before.iter().for_each(|&b| _ = clusters[b].after.insert(place));
            let content = match group {
                Group::Pointwise(fused) => fuser.may_join(fused).then_some(Content { instrs, rows: None }),
                _ => fuser.row_reduction(group).map(|rows| Content { instrs, rows: Some(rows) }),
            };
            clusters[place].members = vec![place];
            clusters[place].content = content;
            clusters[place].before.clone_from(&before);
            all_before.push(before);
        }
        Self { groups, clusters, before: all_before }
    }

    /// Whether a cluster was not merged into another.
    pub fn stands(&self, a: usize) -> bool {
        !self.clusters[a].members.is_empty()
    }

    pub fn content(&self, a: usize) -> Option<&Content> {
        self.clusters[a].content.as_ref()
    }

    pub fn rows(&self, a: usize) -> Option<Rows> {
        self.content(a).and_then(|content| content.rows)
    }

    /// The clusters that one reads or that read it.
    pub fn neighbours(&self, a: usize) -> Vec<usize> {
        let Cluster { before, after, .. } = &self.clusters[a];
        before.union(after).copied().collect()
    }

    /// Whether a path from one cluster to the other leads through a third.
    pub fn path_around(&self, a: usize, b: usize) -> bool {
        self.path_through_others(a, b) || self.path_through_others(b, a)
    }

    fn path_through_others(&self, from: usize, to: usize) -> bool {
        let mut seen = vec![false; self.clusters.len()];
        let mut open: Vec<usize> = self.clusters[from].after.iter().copied().filter(|&c| c != to).collect();
        while let Some(c) = open.pop() {
            if c == to {
                return true;
            }
            if !std::mem::replace(&mut seen[c], true) {
                open.extend(&self.clusters[c].after);
            }
        }
        false
    }

    /// Merges `b` into `a`.
    pub fn merge(&mut self, a: usize, b: usize, content: Content) {
        let gone = std::mem::take(&mut self.clusters[b]);
        for &c in &gone.before {
            self.clusters[c].after.remove(&b);
            self.clusters[c].after.insert(a);
        }
        for &c in &gone.after {
            self.clusters[c].before.remove(&b);
            self.clusters[c].before.insert(a);
        }
        let kept = &mut self.clusters[a];
        kept.members.extend(gone.members);
        kept.before.extend(gone.before);
        kept.after.extend(gone.after);
        for side in [&mut kept.before, &mut kept.after] {
            side.remove(&a);
            side.remove(&b);
        }
        kept.content = Some(content);
    }

    /// The clusters that are `worth` it, and all other groups by themselves, without content, in an order in which they
    /// can run: that of before, where a merged cluster comes as late as its last group.
    pub fn in_order(self, worth: impl Fn(&[&Group]) -> bool) -> Vec<Cluster> {
        let Self { groups, clusters, before } = self;
        let mut home: Vec<usize> = (0..groups.len()).collect();
        let mut kept: Vec<Option<Cluster>> = vec![None; groups.len()];
        for cluster in clusters {
            let Some(&last) = cluster.members.iter().max() else { continue };
            let members: Vec<&Group> = cluster.members.iter().map(|&g| &groups[g]).collect();
            if worth(&members) {
                cluster.members.iter().for_each(|&g| home[g] = last);
                kept[last] = Some(cluster);
            } else {
                for g in cluster.members {
                    kept[g] = Some(Cluster { members: vec![g], ..Cluster::default() });
                }
            }
        }
        let mut waiting = vec![0usize; groups.len()];
        let mut after: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); groups.len()];
        for (g, before) in before.iter().enumerate() {
            for &b in before.iter().filter(|&&b| home[b] != home[g]) {
                if after[home[b]].insert(home[g]) {
                    waiting[home[g]] += 1;
                }
            }
        }
        let ready = (0..groups.len()).filter(|&g| kept[g].is_some() && waiting[g] == 0).map(Reverse);
        let mut ready: BinaryHeap<Reverse<usize>> = ready.collect();
        let mut order = Vec::new();
        while let Some(Reverse(g)) = ready.pop() {
            order.extend(kept[g].take());
            for &c in &after[g] {
                waiting[c] -= 1;
                if waiting[c] == 0 {
                    ready.push(Reverse(c));
                }
            }
        }
        order
    }
}
