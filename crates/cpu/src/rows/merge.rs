//! Puts steps of arithmetic together, once registers are assigned: two in one loop, sums with what they add, and one value
//! a row as it is, without a block that repeats it.

use anygrad_layout::DType;

use super::plan::Action;
use crate::Reduce;
use crate::block::Place;
use crate::chain::{Arithmetic, With, is_pair, is_summed};

/// `t = a first b`, then `t second c`, or the sum of that over each row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    pub first: With,
    pub second: With,
    pub a: Place,
    pub b: Beside,
    pub c: Beside,
    pub sum: bool,
    pub to: Place,
}

/// Numbers beside a value: one for each element, or one a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beside {
    pub place: Place,
    pub whole: bool,
}

const NOTHING: Beside = Beside { place: Place::Nowhere, whole: false };

/// What is known of registers.
pub(super) struct Known<'a> {
    pub registers: &'a [DType],
    pub outputs: &'a [(DType, bool)],
    /// Registers filled with a number.
    pub numbers: Vec<usize>,
    /// What is done once, before the first block.
    pub once: &'a [Action],
}

/// The same actions, fewer of them.
pub(super) fn merged(actions: Vec<Action>, known: &Known<'_>) -> Vec<Action> {
    let mut actions = chains(actions, known);
    let mut at = 0;
    while at < actions.len() {
        if let Action::Spread { register, .. } = actions[at]
            && dies(&actions[at + 1..], Place::Register(register))
        {
            actions.remove(at);
        } else {
            at += 1;
        }
    }
    at = 0;
    while at + 1 < actions.len() {
        match joined(&actions[at], &actions[at + 1]) {
            Some((chain, over)) if dies(&actions[at + 2..], over) => {
                let fits = |place: Place| place != chain.to;
                let alone = fits(chain.a) && fits(chain.b.place) && fits(chain.c.place);
                let swapped = match (chain.to, over) {
                    (Place::Register(to), Place::Register(over)) if !alone => Some((to, over)),
                    _ if alone => None,
                    _ => {
                        at += 1;
                        continue;
                    }
                };
                actions[at] = Action::Chain(Chain { to: if alone { chain.to } else { over }, ..chain });
                actions.remove(at + 1);
                if let Some((a, b)) = swapped {
                    // what is written here lies in the register of what vanished, and the other one is free
                    actions[at + 1..].iter_mut().for_each(|action| swap(action, a, b));
                }
            }
            _ => at += 1,
        }
    }
    actions
}

/// Steps of arithmetic as chains of one, which read one value a row where it is.
fn chains(actions: Vec<Action>, known: &Known<'_>) -> Vec<Action> {
    // by register: the values a row that it repeats
    let mut spread: Vec<Option<Place>> = vec![None; known.registers.len()];
    known.numbers.iter().for_each(|&register| spread[register] = Some(Place::Register(register)));
    for action in known.once {
        if let Action::Spread { from, register } = action {
            spread[*register] = Some(*from);
        }
    }
    let mut changed = Vec::with_capacity(actions.len());
    for mut action in actions {
        let chain = chain(&action, known, &spread);
        each_place(&mut action, &mut |place, written| {
            if written {
                spread.iter_mut().filter(|from| **from == Some(*place)).for_each(|from| *from = None);
                if let Place::Register(register) = *place {
                    spread[register] = None;
                }
            }
        });
        if let Action::Spread { from, register } = action {
            spread[register] = Some(from);
        }
        changed.push(chain.map_or(action, Action::Chain));
    }
    changed
}

fn chain(action: &Action, known: &Known<'_>, spread: &[Option<Place>]) -> Option<Chain> {
    let Action::Step { plain: Some(plain), args, to, whole: true, .. } = action else { return None };
    let dtype = match *to {
        Place::Register(register) => known.registers.get(register),
        Place::Output(output) => known.outputs.get(output).map(|(dtype, _)| dtype),
        _ => None,
    };
    if dtype != Some(&DType::F32) {
        return None;
    }
    let beside = |place: Place| match place {
        Place::Register(register) => match spread[register] {
            Some(from) => Beside { place: from, whole: false },
            None => Beside { place, whole: true },
        },
        _ => Beside { place, whole: true },
    };
    let (x, y) = match *args.as_slice() {
        [x] if *plain == Arithmetic::Square => (beside(x), beside(x)),
        [x, y] if *plain != Arithmetic::Square => (beside(x), beside(y)),
        _ => return None,
    };
    let (a, first, b) = match (plain, x.whole, y.whole) {
        (Arithmetic::Add, true, _) => (x, With::Plus, y),
        (Arithmetic::Add, _, true) => (y, With::Plus, x),
        (Arithmetic::Sub, true, _) => (x, With::Minus, y),
        (Arithmetic::Sub, _, true) => (y, With::From, x),
        (Arithmetic::Mul | Arithmetic::Square, true, _) => (x, With::Times, y),
        (Arithmetic::Mul, _, true) => (y, With::Times, x),
        _ => return None,
    };
    Some(Chain { first, second: With::Nothing, a: a.place, b, c: NOTHING, sum: false, to: *to })
}

/// Two actions as one chain, and the place that it saves: that of the value between them.
fn joined(one: &Action, other: &Action) -> Option<(Chain, Place)> {
    let Action::Chain(one) = one else { return None };
    let over @ Place::Register(_) = one.to else { return None };
    if one.sum {
        return None;
    }
    let chain = match other {
        Action::Fold { kind: Reduce::Sum, from, to } if *from == over => Chain { sum: true, to: *to, ..*one },
        Action::Chain(other) => {
            if one.second != With::Nothing || other.second != With::Nothing || other.sum {
                return None;
            }
            let beside = other.b.whole && other.b.place == over;
            let (second, c) = match (other.a == over, beside) {
                (true, true) if other.first == With::Times => (With::Squared, NOTHING),
                (true, false) if other.b.place != over => (other.first, other.b),
                (false, true) => {
                    let second = match other.first {
                        With::Minus => With::From,
                        With::From => With::Minus,
                        same => same,
                    };
                    (second, Beside { place: other.a, whole: true })
                }
                _ => return None,
            };
            Chain { second, c, to: other.to, ..*one }
        }
        _ => return None,
    };
    let fits = if chain.sum { is_summed } else { is_pair };
    fits(chain.first, chain.second).then_some((chain, over))
}

/// Whether nothing reads what is at a place before something else is written there.
fn dies(after: &[Action], place: Place) -> bool {
    for action in after {
        let (mut read, mut written) = (false, false);
        each_place(&mut action.clone(), &mut |at, writes| {
            if *at == place {
                *(if writes { &mut written } else { &mut read }) = true;
            }
        });
        if read || written {
            return !read;
        }
    }
    true
}

fn swap(action: &mut Action, a: usize, b: usize) {
    each_place(action, &mut |place, _| {
        *place = match *place {
            Place::Register(register) if register == a => Place::Register(b),
            Place::Register(register) if register == b => Place::Register(a),
            other => other,
        }
    });
}

/// Visits the places of an action: what it reads, and then what it writes.
fn each_place(action: &mut Action, visit: &mut dyn FnMut(&mut Place, bool)) {
    let visit_register = |register: &mut usize, visit: &mut dyn FnMut(&mut Place, bool)| {
        let mut place = Place::Register(*register);
        visit(&mut place, true);
        if let Place::Register(changed) = place {
            *register = changed;
        }
    };
    match action {
        Action::Load { register, .. } => visit_register(register, visit),
        Action::Spread { from, register } => {
            visit(from, false);
            visit_register(register, visit);
        }
        Action::Step { args, to, .. } => {
            args.iter_mut().for_each(|arg| visit(arg, false));
            visit(to, true);
        }
        Action::Fold { from, to, .. } => {
            visit(from, false);
            visit(to, true);
        }
        Action::Chain(Chain { a, b, c, to, .. }) => {
            [a, &mut b.place, &mut c.place].into_iter().for_each(|place| visit(place, false));
            visit(to, true);
        }
        Action::Store { from, output, .. } => {
            visit(from, false);
            visit(&mut Place::Output(*output), true);
        }
    }
}

#[cfg(test)]
mod tests {
    use anygrad_layout::Layout;

    use super::super::{PreparedRows, RowSink, RowStep, RowWork, Rows};
    use super::*;
    use crate::{Sink, Source, SourceKind, float2};

    #[test]
    fn a_gradient_of_softmax_is_two_loops() {
        // y · (g − Σ y·g)
        let source = |at: usize| Source {
            kind: SourceKind::Buffer(at),
            dtype: DType::F32,
            layout: Layout::contiguous([4, 40]),
        };
        let step = |work: RowWork, args: &[u32]| RowStep { work, args: args.into(), dtype: DType::F32 };
        let times =
            RowWork::Plain(Arithmetic::Mul, |args, out| float2(args, out, |a, b| a * b, |a, b| a * b));
        let minus =
            RowWork::Plain(Arithmetic::Sub, |args, out| float2(args, out, |a, b| a - b, |a, b| a - b));
        let program = Rows {
            shape: [4, 40].as_slice().into(),
            outer: 1,
            inputs: vec![source(0), source(1)],
            numbers: Vec::new(),
            steps: vec![
                step(times, &[0, 1]),
                step(RowWork::Fold(Reduce::Sum), &[2]),
                step(minus, &[1, 3]),
                step(times, &[0, 4]),
            ],
            outputs: vec![RowSink { sink: Sink { value: 5, dtype: DType::F32 }, whole: true }],
        };
        let plan = PreparedRows::new(&program).unwrap();
        assert!(plan.actions.iter().all(|action| matches!(action, Action::Chain(_))), "{:?}", plan.actions);
        assert_eq!(plan.actions.len(), 2, "{:?}", plan.actions);
    }
}
