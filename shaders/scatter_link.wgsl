// Chains the terms of a line that have the same index, in order, with no atomics: each term looks for the next
// one, and the one that finds none before it writes the head of the chain.
// Given: GROUP, NONE, p.count, p.length, p.size, fn index_at(line, i), next, head.
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
    let line = slot / p.length;
    let i = slot - line * p.length;
    let mine = index_at(line, i);
    if mine >= p.size {
        return;
    }
    var after = i + 1u;
    while after < p.length {
        if index_at(line, after) == mine {
            break;
        }
        after++;
    }
    next[slot] = select(after, NONE, after == p.length);
    var before = i;
    while before > 0u {
        if index_at(line, before - 1u) == mine {
            break;
        }
        before--;
    }
    if before == 0u {
        head[line * p.size + mine] = i;
    }
}
