use rayon::prelude::*;

/// Elementary operations below which starting threads costs more than it saves.
pub(crate) const WORTH_THREADS: usize = 1 << 16;

/// Whether `operations` of work are worth more than one thread.
pub(crate) fn worth_threads(operations: usize) -> bool {
    operations >= WORTH_THREADS && rayon::current_num_threads() > 1
}

/// Calls `work(number, piece)` for consecutive pieces of `chunk` elements, in parallel if `operations` in all
/// are worth it. The pieces are the same either way, so that results do not depend on the threads.
pub(crate) fn chunks<T: Send>(
    out: &mut [T],
    chunk: usize,
    operations: usize,
    work: impl Fn(usize, &mut [T]) + Send + Sync,
) {
    let chunk = chunk.max(1);
    if out.len() > chunk && worth_threads(operations) {
        out.par_chunks_mut(chunk).enumerate().for_each(|(i, piece)| work(i, piece));
    } else {
        out.chunks_mut(chunk).enumerate().for_each(|(i, piece)| work(i, piece));
    }
}
