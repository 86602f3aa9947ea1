// A workgroup computes a tile of ROWS x COLUMNS: 16 k of both operands at a time go through workgroup memory, and each
// thread keeps a tile of its own in registers. For real GPUs.
// Tiles are (split, batch, rows, columns); workgroups that run at the same time take tiles from eight rows of tiles, so
// that what they read of a and b is still in the cache. A split sums k over its own chunk.
// Given: ROWS, COLUMNS, THREADS, ACROSS (threads along a row of the tile), BLOCKS_A, BLOCKS_B (blocks of 4x4 to stage),
// STAGED_A, STAGED_B (quads of workgroup memory), alias Tile, p.tiles, p.tiles_m, p.tiles_n, p.batches and
// fn over_*(i) for each, p.chunk (a multiple of 16), p.m, p.n, p.k, fn batch_a(i), fn batch_b(i),
// fn stage_a(base, row, k, block), fn stage_b(base, column, k, block): a thread's share of 16 k from k on,
// fn accumulate(tile, k, down, across): one of the staged k, fn leave(tile, at, row, column).
var<workgroup> staged_a: array<vec4<f32>, STAGED_A>;
var<workgroup> staged_b: array<vec4<f32>, STAGED_B>;

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let index = group.y * groups.x + group.x;
    if index >= p.tiles {
        return;
    }
    let slice = over_tiles_n(over_tiles_m(index));
    let within = index - slice * p.tiles_m * p.tiles_n;
    let band = over_tiles_n(within / 8u);
    let in_band = within - band * 8u * p.tiles_n;
    let height = min(8u, p.tiles_m - 8u * band);
    let first_row = (8u * band + in_band % height) * ROWS;
    let first_column = in_band / height * COLUMNS;
    let split = over_batches(slice);
    let batch = slice - split * p.batches;
    let base_a = batch_a(batch);
    let base_b = batch_b(batch);
    let down = thread / ACROSS;
    let across = thread % ACROSS;

    var tile: Tile;
    let end = min(p.k, (split + 1u) * p.chunk);
    for (var first_k = split * p.chunk; first_k < end; first_k += 16u) {
        if thread < BLOCKS_A {
            stage_a(base_a, first_row, first_k, thread);
        } else if thread < BLOCKS_A + BLOCKS_B {
            stage_b(base_b, first_column, first_k, thread - BLOCKS_A);
        }
        workgroupBarrier();
        for (var k = 0u; k < 16u; k++) {
            accumulate(&tile, k, down, across);
        }
        workgroupBarrier();
    }
    let row = first_row + 4u * down;
    let column = first_column + 4u * across;
    leave(&tile, (slice * p.m + row) * p.n + column, row, column);
}
