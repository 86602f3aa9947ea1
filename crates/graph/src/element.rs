use anygrad_cpu::Storage;
use anygrad_layout::DType;
use half::f16;

/// A Rust type that tensors can be made of and read back as.
pub trait Element: Copy + Send + 'static {
    /// The dtype of tensors of this type.
    const DTYPE: DType;
    /// Copies elements into host storage.
    fn storage(data: &[Self]) -> Storage;
    /// Copies elements into host storage of as many elements of this type; `None` if it is of another.
    fn write(data: &[Self], storage: &mut Storage) -> Option<()>;
    /// Copies elements out of host storage; `None` if it is of another type.
    fn read(storage: &Storage) -> Option<Vec<Self>>;
    /// Smallest and largest element, for integers.
    fn bounds(_: &[Self]) -> Option<(i64, i64)> {
        None
    }
}

macro_rules! elements {
    ($($type:ident $dtype:ident)+) => {$(
        impl Element for $type {
            const DTYPE: DType = DType::$dtype;
            fn storage(data: &[Self]) -> Storage {
                Storage::$dtype(data.to_vec())
            }
            fn write(data: &[Self], storage: &mut Storage) -> Option<()> {
                match storage {
                    Storage::$dtype(words) if words.len() == data.len() => words.copy_from_slice(data),
                    _ => return None,
                }
                Some(())
            }
            fn read(storage: &Storage) -> Option<Vec<Self>> {
                match storage {
                    Storage::$dtype(data) => Some(data.clone()),
                    _ => None,
                }
            }
            elements!(@bounds $type);
        }
    )+};
    (@bounds i32) => { elements!(@integer); };
    (@bounds u32) => { elements!(@integer); };
    (@bounds $other:ident) => {};
    (@integer) => {
        fn bounds(data: &[Self]) -> Option<(i64, i64)> {
            let ends = (*data.iter().min()?, *data.iter().max()?);
            Some((i64::from(ends.0), i64::from(ends.1)))
        }
    };
}

elements!(f32 F32  f64 F64  f16 F16  i32 I32  u32 U32);

impl Element for bool {
    const DTYPE: DType = DType::Bool;
    fn storage(data: &[Self]) -> Storage {
        Storage::U32(data.iter().map(|&b| u32::from(b)).collect())
    }
    fn write(data: &[Self], storage: &mut Storage) -> Option<()> {
        match storage {
            Storage::U32(words) if words.len() == data.len() => {
                words.iter_mut().zip(data).for_each(|(word, &b)| *word = u32::from(b));
            }
            _ => return None,
        }
        Some(())
    }
    fn read(storage: &Storage) -> Option<Vec<Self>> {
        match storage {
            Storage::U32(data) => Some(data.iter().map(|&word| word != 0).collect()),
            _ => None,
        }
    }
}
