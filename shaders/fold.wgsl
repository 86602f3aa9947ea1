// Adds up, for each output position j of a line, the elements x[a, b] with a * STEP + b * DISTANCE = j: a loop over
// a, which gives b. Sums of BLOCK terms in a row, then of the sums.
// Given: GROUP, BLOCK, p.count, p.length (of a), p.step, p.others (of b), p.distance, alias T, fn place(slot) -> Place
// with j, fn over_distance(n), fn term(place, a, b), output.
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
    let here = place(slot);
    var total = T();
    var part = T();
    var taken = 0u;
    var left = here.j;
    for (var a = 0u; a < p.length; a++) {
        let b = over_distance(left);
        if b < p.others && b * p.distance == left {
            part += term(here, a, b);
            taken++;
            if taken == BLOCK {
                total += part;
                part = T();
                taken = 0u;
            }
        }
        if left < p.step {
            break;
        }
        left -= p.step;
    }
    output[slot] = total + part;
}
