use super::dataset::exact;
use crate::{DataError, Dataset, Result};

/// Samples for a language model: inputs `[length]`, a run of tokens, and as targets `[length]` the token behind each of
/// them. Runs begin every `stride` tokens; a stride of `length` uses each token once.
///
/// ```
/// use anygrad_data::text::next_token_windows;
/// let data = next_token_windows(&[1, 2, 3, 4, 5], 2, 2)?;
/// assert_eq!(data.inputs(), [1.0, 2.0, 3.0, 4.0]);
/// assert_eq!(data.targets(), &anygrad_data::Targets::Values { values: vec![2.0, 3.0, 4.0, 5.0], shape: vec![2] });
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Setting`] if length or stride are 0, [`DataError::Needs`] if there are not length + 1 tokens.
pub fn next_token_windows(codes: &[u32], length: usize, stride: usize) -> Result<Dataset> {
    const CALL: &str = "next_token_windows";
    for (setting, value) in [("length", length), ("stride", stride)] {
        if value == 0 {
            return Err(DataError::setting(CALL, setting, value, "1 at least"));
        }
    }
    let Some(last) = codes.len().checked_sub(length).and_then(|room| room.checked_sub(1)) else {
        let wanted = format!("{} tokens at least, one more than the length", length.saturating_add(1));
        return Err(DataError::needs(CALL, wanted, codes.len().to_string()));
    };
    let numbers = exact(codes)?;
    let starts = || (0..=last).step_by(stride);
    let run = |start: usize| numbers[start..start + length].iter().copied();
    let inputs = starts().flat_map(run).collect();
    let targets = starts().flat_map(|start| run(start + 1)).collect();
    Dataset::values(inputs, [length], targets, [length])
}
