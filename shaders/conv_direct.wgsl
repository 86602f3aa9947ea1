// One thread computes LANES output channels at a run of positions along x, all in registers, from packed
// weights and a padded input: no workgroup memory, no barriers, no test of bounds. For software adapters, where
// a load costs about as much as 16 multiply-adds.
// A thread's tile is (split, group, channel tile, sample, z, y, run of x), the last fastest. The reduction goes
// over kernel rows, (channel, tap z, tap y) in this order, some of them together; a split sums over its own chunk of
// such turns. p.rows, p.kernel1, p.x_c and p.x_tap_y count what is taken together as one.
// With SHARING > 1 a workgroup is one subgroup, whose threads all compute the same channels, load a part of the weights
// each and hand it to the others. So p.places is a multiple of SHARING, and a thread without a tile computes the last
// one like its neighbours, but stores nothing: a thread that has left gives nothing to the others.
// Given: THREADS, SHARING, RUN (positions of a tile), CHUNK and LAST (taps along x of one `taps` and of `last_taps`),
// WHOLE_ROWS (whether a row is one chunk), PITCH and LAST_PITCH (from their weights to the next), p.places (tiles of the same weights),
// p.tiles_x, p.height, p.depth, p.weights (channel tiles of all groups), p.channel_tiles and fn over_*(i)
// for each, p.splits, p.spots (places that exist), p.group_channels, p.width, p.rows, p.row_pitch,
// p.chunk, p.chunks (calls of `taps` a row), p.kernel0, p.kernel1, p.stride2, p.dilation2,
// p.x_offset, p.x_n, p.x_group, p.x_c, p.x_tap_z, p.x_tap_y, p.x_row, p.x_z, p.x_y, p.out_offset, p.out_split, p.out_n,
// p.out_c, p.out_z, p.out_y, p.out_x, alias Tile,
// fn taps(acc, x_at, w_at), fn last_taps(acc, x_at, w_at), fn store(at, first_x, channels, acc).
@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let tile = (workgroup.y * workgroups.x + workgroup.x) * THREADS + thread;
    let slice = over_places(tile);
    let place = tile - slice * p.places;
    let split = min(over_weights(slice), p.splits - 1u);
    let weights = min(slice - split * p.weights, p.weights - 1u);
    let spot = min(place, p.spots - 1u);
    let row_of_tiles = over_tiles_x(spot);
    let first_x = (spot - row_of_tiles * p.tiles_x) * RUN;
    let layer = over_height(row_of_tiles);
    let y = row_of_tiles - layer * p.height;
    let n = over_depth(layer);
    let z = layer - n * p.depth;
    let group = over_channel_tiles(weights);
    let first_channel = (weights - group * p.channel_tiles) * LANES;

    let first_row = split * p.chunk;
    let end = min(p.rows, first_row + p.chunk);
    let tap_row = first_row / p.kernel1;
    var tap_y = first_row - tap_row * p.kernel1;
    let first_input = tap_row / p.kernel0;
    var tap_z = tap_row - first_input * p.kernel0;
    var at_x = p.x_offset + n * p.x_n + group * p.x_group + z * p.x_z + y * p.x_y + first_x * p.stride2
        + first_input * p.x_c + tap_z * p.x_tap_z + tap_y * p.x_tap_y;
    var at_w = (weights * p.rows + first_row) * p.row_pitch + thread % SHARING;

    var acc: Tile;
    for (var row = first_row; row < end; row++) {
        if WHOLE_ROWS {
            taps(&acc, at_x, at_w);
            at_w += PITCH;
        } else {
            var x = at_x;
            for (var i = 0u; i < p.chunks; i++) {
                taps(&acc, x, at_w);
                x += CHUNK * p.dilation2;
                at_w += PITCH;
            }
            if LAST > 0u {
                last_taps(&acc, x, at_w);
                at_w += LAST_PITCH;
            }
        }
        tap_y++;
        at_x += p.x_tap_y;
        if tap_y == p.kernel1 {
            tap_y = 0u;
            tap_z++;
            at_x += p.x_tap_z - p.kernel1 * p.x_tap_y;
            if tap_z == p.kernel0 {
                tap_z = 0u;
                at_x += p.x_c - p.kernel0 * p.x_tap_z;
            }
        }
    }

    if place < p.spots && slice < p.splits * p.weights {
        let channel = group * p.group_channels + first_channel;
        let at = p.out_offset + split * p.out_split + n * p.out_n + channel * p.out_c + z * p.out_z + y * p.out_y
            + first_x * p.out_x;
        store(at, first_x, p.group_channels - first_channel, &acc);
    }
}
