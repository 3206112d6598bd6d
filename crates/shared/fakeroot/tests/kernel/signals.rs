//! Permission to send signals.

use newroot_fakeroot::permission::may_signal;

use crate::child::{in_child, outcome};
use crate::identity::assume_random_identity;
use crate::permissions::number;
use crate::random::Random;

const PAIRS: u64 = 1000;

pub(crate) fn kill() -> u64 {
    let mut allowed = 0;
    for seed in 0..PAIRS {
        let mut target = Random::new(seed ^ 0x6f << 40);
        let mut sender = Random::new(seed ^ 0x7f << 40);
        let report = in_child(|_| {
            let mut ready = [0; 2];
            let mut over = [0; 2];
            let mut byte = 0_u8;
            // SAFETY: the arrays have space for the descriptors, and `byte` for each byte read. The
            // child exits when its pipe is closed.
            unsafe {
                assert_eq!(libc::pipe(ready.as_mut_ptr()), 0);
                assert_eq!(libc::pipe(over.as_mut_ptr()), 0);
                let child = libc::fork();
                if child == 0 {
                    libc::close(over[1]);
                    assume_random_identity(&mut target.clone(), true);
                    libc::write(ready[1], c"!".as_ptr().cast(), 1);
                    libc::read(over[0], (&raw mut byte).cast(), 1);
                    libc::_exit(0);
                }
                libc::close(ready[1]);
                assert_eq!(libc::read(ready[0], (&raw mut byte).cast(), 1), 1);
                assume_random_identity(&mut sender.clone(), true);
                let result = outcome(i64::from(libc::kill(child, 0)));
                libc::close(over[1]);
                libc::waitpid(child, std::ptr::null_mut(), 0);
                result.to_le_bytes().to_vec()
            }
        });
        let (target, sender) =
            (assume_random_identity(&mut target, false), assume_random_identity(&mut sender, false));
        let expected = number(may_signal(&sender.credentials, &target.credentials));
        assert_eq!(report, expected.to_le_bytes(), "seed {seed}: {sender:?} to {target:?}");
        allowed += u64::from(expected == 0);
    }
    println!("{allowed} of {PAIRS} signals were allowed");
    PAIRS
}
