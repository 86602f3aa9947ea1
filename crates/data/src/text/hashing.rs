use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::vocabulary::one_hot;
use crate::{DataError, Result};

/// The 64-bit hash FNV-1a of some bytes (Fowler, Noll, Vo): the same on every machine and in every version.
///
/// ```
/// assert_eq!(anygrad_data::text::fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
/// ```
pub fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Numbers tokens by their hash, without a vocabulary: no text has to be read beforehand, none is unknown, and two tokens
/// may share a number. The hash is [`fnv1a`], cut to `0..size`.
///
/// ```
/// use anygrad_data::text::HashingTrick;
/// let hashing = HashingTrick::new(1000)?;
/// assert_eq!(hashing.encode(&["the", "cat", "the"]), [924, 631, 924]);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashingTrick {
    size: usize,
    first: u32,
}

impl HashingTrick {
    /// Numbers from 0 to `size` − 1. Let `size` be much larger than the number of tokens: among n of them about
    /// n² / (2 · size) pairs share a number.
    ///
    /// # Errors
    /// [`DataError::Setting`] if `size` is 0 or more than 32-bit numbers can name.
    pub fn new(size: usize) -> Result<Self> {
        Self::from(size, 0)
    }

    /// As [`HashingTrick::new`], without the number 0, which is then left for padding: from 1 to `size` − 1, as Keras'
    /// `hashing_trick` has it.
    ///
    /// # Errors
    /// [`DataError::Setting`] if `size` is below 2 or more than 32-bit numbers can name.
    pub fn with_padding(size: usize) -> Result<Self> {
        Self::from(size, 1)
    }

    fn from(size: usize, first: u32) -> Result<Self> {
        if size <= first as usize || u32::try_from(size).is_err() {
            let wanted = format!("from {} to {}", first + 1, u32::MAX);
            return Err(DataError::setting("HashingTrick", "size", size, wanted));
        }
        Ok(Self { size, first })
    }

    /// Number of numbers: the rows of an embedding.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The number of a token.
    pub fn code(&self, token: &str) -> u32 {
        let room = self.size as u64 - u64::from(self.first);
        self.first + (fnv1a(token.as_bytes()) % room) as u32
    }

    /// The numbers of tokens.
    pub fn encode<S: AsRef<str>>(&self, tokens: &[S]) -> Vec<u32> {
        tokens.iter().map(|token| self.code(token.as_ref())).collect()
    }

    /// A vector of 0 and a single 1 for each token: `[tokens.len(), size]`, one after the other.
    ///
    /// # Errors
    /// [`DataError::SampleShape`] if the result is larger than memory can be.
    pub fn one_hot<S: AsRef<str>>(&self, tokens: &[S]) -> Result<Vec<f32>> {
        one_hot(&self.encode(tokens), self.size)
    }

    /// How many different tokens share their number with another one.
    pub fn collisions<S: AsRef<str>>(&self, tokens: &[S]) -> Collisions {
        let different: BTreeSet<&str> = tokens.iter().map(AsRef::as_ref).collect();
        let mut by_code: BTreeMap<u32, usize> = BTreeMap::new();
        for token in &different {
            *by_code.entry(self.code(token)).or_insert(0) += 1;
        }
        let colliding = by_code.values().filter(|&&count| count > 1).sum();
        Collisions { tokens: different.len(), colliding, size: self.size }
    }
}

/// How many tokens a [`HashingTrick`] cannot tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collisions {
    /// Different tokens.
    pub tokens: usize,
    /// Those that share their number with another one.
    pub colliding: usize,
    /// Numbers that there are.
    pub size: usize,
}

impl fmt::Display for Collisions {
    /// "3 of 100 tokens share one of 1000 numbers".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} tokens share one of {} numbers", self.colliding, self.tokens, self.size)
    }
}
