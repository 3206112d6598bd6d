//! Random calls that change credentials, with a comparison after each.

use crate::child::in_child;
use crate::identity::{State, Step};
use crate::random::Random;

const SEQUENCES: u64 = 400;
const STEPS: u64 = 60;

pub(crate) fn random_calls() -> u64 {
    for seed in 0..SEQUENCES {
        in_child(|_| {
            let mut random = Random::new(seed);
            let mut state = State::of_this_process();
            state.compare(&"nothing", &state.clone());
            for _ in 0..STEPS {
                let step = Step::random(&mut random, &state);
                let before = state.clone();
                state.take(&step, true);
                state.compare(&step, &before);
            }
            Vec::new()
        });
    }
    SEQUENCES * STEPS
}
