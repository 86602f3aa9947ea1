// Merges sorted runs of p.width elements in pairs: the place of an element is its place in its own run and the
// number of elements of the other run before it, which a binary search finds.
// Given: GROUP, p.count, p.length, p.width, fn slot_row(slot), fn key_at(row, i), fn index_at(row, i),
// fn write(row, i, key, index).
@compute @workgroup_size(GROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let slot = (group.y * groups.x + group.x) * GROUP + thread;
    if slot >= p.count {
        return;
    }
    let row = slot_row(slot);
    let i = slot - row * p.length;
    let run = i / p.width;
    let right = run % 2u == 1u;
    // the other run: that after a left one, or before a right one; none after the last
    let other = select(run + 1u, run - 1u, right);
    let begin = min(other * p.width, p.length);
    let key = key_at(row, i);
    var low = begin;
    var high = min(begin + p.width, p.length);
    while low < high {
        let middle = low + (high - low) / 2u;
        let there = key_at(row, middle);
        // equal elements keep their order: those of the left run come first
        if there < key || (right && there == key) {
            low = middle + 1u;
        } else {
            high = middle;
        }
    }
    // counted from the beginning of the left run in either case
    let own = select(i, i - p.width, right);
    write(row, own + low - begin, key, index_at(row, i));
}
