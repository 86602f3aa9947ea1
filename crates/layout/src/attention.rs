/// Which keys a query reads, as far as the structure of an attention says it, and what it is given beside queries,
/// keys and values. The numbers of a mask or a bias are inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attention {
    /// Whether query `i` reads keys `0..=i` alone.
    pub causal: bool,
    /// Whether there is a mask: true where a key is read.
    pub mask: bool,
    /// Whether there are numbers to be added to the scores; −∞ leaves a key out.
    pub bias: bool,
}

impl Attention {
    /// Whether a query may be kept from reading a key.
    pub fn leaves_out(self) -> bool {
        self.causal || self.mask || self.bias
    }

    /// The number of keys that the queries before `query` may read, of `keys`.
    pub fn keys_before(self, query: usize, keys: usize) -> usize {
        if self.causal { keys.min(query) } else { keys }
    }
}
