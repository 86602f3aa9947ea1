//! Blocks of values that a program computes on its way, kept by each thread.

use std::cell::RefCell;

use anygrad_layout::DType;

use crate::block::lane;
use crate::{Lane, LaneMut, Storage};

/// A block of values.
pub(crate) struct Register {
    storage: Storage,
    /// Elements it holds.
    len: usize,
    /// Elements before the first that lies at the start of a line of the cache: vectors of a whole line would touch two.
    first: usize,
}

/// Bytes of a line of the cache, which are also those of the widest vectors.
const LINE: usize = 64;

impl Register {
    fn new(dtype: DType, len: usize) -> Self {
        let storage = Storage::zeros(dtype, len + LINE);
        let first = storage.as_bytes().as_ptr().align_offset(LINE) / storage.dtype().size();
        // an address that is not known gives a distance beyond everything
        Self { storage, len, first: first.min(LINE) }
    }

    #[inline]
    pub fn read(&self, len: usize) -> Lane<'_> {
        lane(&self.storage, self.first, len)
    }

    #[inline]
    pub fn write(&mut self, len: usize) -> LaneMut<'_> {
        let span = self.first..self.first + len;
        match &mut self.storage {
            Storage::F32(xs) => LaneMut::F32(&mut xs[span]),
            Storage::F64(xs) => LaneMut::F64(&mut xs[span]),
            Storage::F16(xs) => LaneMut::F16(&mut xs[span]),
            Storage::I32(xs) => LaneMut::I32(&mut xs[span]),
            Storage::U32(xs) => LaneMut::U32(&mut xs[span]),
        }
    }
}

/// Blocks of the types a plan asks for, borrowed from this thread's stock.
pub(crate) struct Registers(pub Vec<Register>);

/// More registers than this are not kept by a thread.
const STOCK: usize = 64;

/// Nor are longer ones.
const LONGEST: usize = 1 << 13;

thread_local! {
    static SPARE: RefCell<Spare> = const { RefCell::new(Spare { shelves: [const { Vec::new() }; 5], list: Vec::new() }) };
}

/// What a thread keeps: registers by type, and the list they were in.
struct Spare {
    shelves: [Vec<Register>; 5],
    list: Vec<Register>,
}

fn shelf(dtype: DType) -> usize {
    match dtype {
        DType::F32 => 0,
        DType::F64 => 1,
        DType::I32 => 2,
        DType::F16 => 3,
        _ => 4,
    }
}

impl Registers {
    /// A register of at least `len` elements for each type.
    pub fn take(dtypes: &[DType], len: usize) -> Self {
        SPARE.with_borrow_mut(|spare| {
            let mut list = std::mem::take(&mut spare.list);
            let kept = |&dtype: &DType| {
                let shelf = &mut spare.shelves[shelf(dtype)];
                let long_enough = shelf.iter().rposition(|register| register.len >= len);
                long_enough.map_or_else(|| Register::new(dtype, len), |at| shelf.swap_remove(at))
            };
            list.extend(dtypes.iter().map(kept));
            Self(list)
        })
    }
}

impl Drop for Registers {
    fn drop(&mut self) {
        let mut list = std::mem::take(&mut self.0);
        SPARE.with_borrow_mut(|spare| {
            for register in list.drain(..) {
                let shelf = &mut spare.shelves[shelf(register.storage.dtype())];
                if shelf.len() < STOCK && register.len <= LONGEST {
                    shelf.push(register);
                }
            }
            spare.list = list;
        });
    }
}
