//! Sizes along the spatial axes, as options take them.

/// A size for each spatial axis, or one for all of them: `2` or `[2, 1]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PerAxis(Sizes);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Sizes {
    All(usize),
    Each(Vec<usize>),
}

impl From<usize> for PerAxis {
    fn from(size: usize) -> Self {
        Self(Sizes::All(size))
    }
}

impl<const N: usize> From<[usize; N]> for PerAxis {
    fn from(sizes: [usize; N]) -> Self {
        Self(Sizes::Each(sizes.to_vec()))
    }
}

impl From<&[usize]> for PerAxis {
    fn from(sizes: &[usize]) -> Self {
        Self(Sizes::Each(sizes.to_vec()))
    }
}

/// Strides, dilations and pads from here on are taken for mistakes, as on the CPU; sums and products of a few of
/// them cannot overflow.
const LIMIT: usize = 1 << 20;

impl PerAxis {
    /// The sizes of `rank` axes, on the last entries of three, the others `filler`; `what` they are, for messages.
    pub(crate) fn on(&self, rank: usize, filler: usize, what: &str) -> Result<[usize; 3], String> {
        let mut full = [filler; 3];
        let entries = full.iter_mut().skip(3usize.saturating_sub(rank));
        match &self.0 {
            Sizes::All(size) => entries.for_each(|entry| *entry = *size),
            Sizes::Each(sizes) if sizes.len() == rank => {
                entries.zip(sizes).for_each(|(entry, size)| *entry = *size);
            }
            Sizes::Each(sizes) => return Err(format!("{what} {sizes:?} for {rank} spatial axes")),
        }
        match full.iter().find(|&&size| size > LIMIT) {
            Some(size) => Err(format!("{what} {size} is beyond reason")),
            None => Ok(full),
        }
    }
}

/// Entry of the arrays of a geometry that belongs to spatial axis `axis`: they are filled from the end.
pub(crate) fn entry(rank: usize, axis: usize) -> usize {
    3 - rank.min(3) + axis
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_size_or_one_for_each_axis() {
        assert_eq!(PerAxis::from(2).on(2, 1, "stride"), Ok([1, 2, 2]));
        assert_eq!(PerAxis::from([3, 4]).on(2, 1, "stride"), Ok([1, 3, 4]));
        assert_eq!(PerAxis::from([3]).on(2, 1, "stride"), Err("stride [3] for 2 spatial axes".into()));
        assert_eq!(
            PerAxis::from(usize::MAX).on(1, 1, "pad").map(|_| ()),
            Err(format!("pad {} is beyond reason", usize::MAX))
        );
        assert_eq!(entry(1, 0), 2);
    }
}
