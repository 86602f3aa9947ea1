// A subgroup of eight threads computes a tile of ROWS x COLUMNS outputs in registers: thread i holds columns 4i to
// 4i + 3 of every 32. Each element of a and b is loaded by one thread; the threads hand the elements of a round among
// themselves. No workgroup memory, no barriers. For software adapters, where a load costs one thread after the other
// and handing round is one instruction.
// A tile is (split, batch, rows, columns), columns fastest; a split sums k over its own chunk.
// Given: ROWS, COLUMNS, alias Tile, StartsA, StartsB; p.tiles, p.tiles_m, p.tiles_n, p.batches and fn over_*(i) for
// each, p.chunk (a multiple of 4), p.m, p.n, p.k, fn batch_a(i), fn batch_b(i), fn starts_a(base, row, lane),
// fn starts_b(base, column, lane): where a thread reads, fn advance(tile, starts_a, starts_b, k, lane): four k more,
// fn leave(tile, at, rows, column): stores the columns from `column` on of at most `rows` rows, those past p.n dropped.
@compute @workgroup_size(8)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let index = group.y * groups.x + group.x;
    if index >= p.tiles {
        return;
    }
    let tile_row = over_tiles_n(index);
    let column = (index - tile_row * p.tiles_n) * COLUMNS;
    let slice = over_tiles_m(tile_row);
    let row = (tile_row - slice * p.tiles_m) * ROWS;
    let split = over_batches(slice);
    let batch = slice - split * p.batches;
    let from_a = starts_a(batch_a(batch), row, lane);
    let from_b = starts_b(batch_b(batch), column, lane);

    var tile: Tile;
    let end = min(p.k, (split + 1u) * p.chunk);
    for (var k = split * p.chunk; k < end; k += 4u) {
        advance(&tile, from_a, from_b, k, lane);
    }
    let first = column + 4u * lane;
    leave(&tile, (slice * p.m + row) * p.n + first, p.m - row, first);
}
