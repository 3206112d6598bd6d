//! Who may signal whom.

use newroot_fakeroot::permission::may_signal;

use crate::child::{in_child, outcome};
use crate::identity::become_somebody;
use crate::permissions::number;
use crate::random::Random;

const PAIRS: u64 = 1000;

pub(crate) fn kill() -> u64 {
    let mut allowed = 0;
    for seed in 0..PAIRS {
        let mut target = Random::new(seed ^ 0x6f << 40);
        let mut sender = Random::new(seed ^ 0x7f << 40);
        let told = in_child(|_| {
            let mut ready = [0; 2];
            let mut over = [0; 2];
            let mut byte = 0_u8;
            // SAFETY: there is room for the descriptors, and for each byte read. The child ends by itself
            // when the pipe it waits for is closed.
            unsafe {
                assert_eq!(libc::pipe(ready.as_mut_ptr()), 0);
                assert_eq!(libc::pipe(over.as_mut_ptr()), 0);
                let child = libc::fork();
                if child == 0 {
                    libc::close(over[1]);
                    become_somebody(&mut target.clone(), true);
                    libc::write(ready[1], c"!".as_ptr().cast(), 1);
                    libc::read(over[0], (&raw mut byte).cast(), 1);
                    libc::_exit(0);
                }
                libc::close(ready[1]);
                assert_eq!(libc::read(ready[0], (&raw mut byte).cast(), 1), 1);
                become_somebody(&mut sender.clone(), true);
                let result = outcome(i64::from(libc::kill(child, 0)));
                libc::close(over[1]);
                libc::waitpid(child, std::ptr::null_mut(), 0);
                result.to_le_bytes().to_vec()
            }
        });
        let (target, sender) = (become_somebody(&mut target, false), become_somebody(&mut sender, false));
        let expected = number(may_signal(&sender.credentials, &target.credentials));
        assert_eq!(told, expected.to_le_bytes(), "seed {seed}: {sender:?} to {target:?}");
        allowed += u64::from(expected == 0);
    }
    println!("{allowed} of {PAIRS} signals were allowed");
    PAIRS
}
