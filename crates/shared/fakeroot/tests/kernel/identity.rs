//! Credentials of the kernel and of the model, changed by the same steps.

use std::ffi::c_long;

use newroot_abi::Errno;
use newroot_fakeroot::{Capabilities, Credentials, Who, status};

use crate::child::outcome;
use crate::random::Random;

pub(crate) const LINES: [&str; 9] =
    ["Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs"];

/// Identity of the process according to the model.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) credentials: Credentials,
    pub(crate) groups: Vec<u32>,
}

/// A call that may change the identity.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    SetUid(u32),
    SetGid(u32),
    SetReUid(u32, u32),
    SetReGid(u32, u32),
    SetResUid(u32, u32, u32),
    SetResGid(u32, u32, u32),
    SetFsUid(u32),
    SetFsGid(u32),
    SetGroups(Vec<u32>),
    CapSet(u64, u64, u64),
    KeepCaps(u64),
    GetKeepCaps,
    SecureBits(u64),
    BoundingRead(u64),
    BoundingDrop(u64),
    AmbientIsSet(u64),
    AmbientRaise(u64),
    AmbientLower(u64),
    AmbientClear,
    NoNewPrivs(u64),
}

impl State {
    /// Returns the identity of this process according to the kernel.
    pub(crate) fn of_this_process() -> Self {
        let status_text = std::fs::read_to_string("/proc/self/status").expect("/proc/self/status");
        Self::parse(&status_text, secure_bits())
    }

    pub(crate) fn parse(status_text: &str, securebits: u32) -> Self {
        let field = |name: &str| {
            let line = status_text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
            line.unwrap_or_else(|| panic!("no {name} in {status_text}")).to_owned()
        };
        let ids = |name| -> Vec<u32> {
            field(name).split_whitespace().map(|id| id.parse().expect("an id")).collect()
        };
        let set = |name| Capabilities(u64::from_str_radix(&field(name), 16).expect("a set"));
        let (uids, gids) = (ids("Uid"), ids("Gid"));
        let credentials = Credentials {
            ruid: uids[0],
            euid: uids[1],
            suid: uids[2],
            fsuid: uids[3],
            rgid: gids[0],
            egid: gids[1],
            sgid: gids[2],
            fsgid: gids[3],
            inheritable: set("CapInh"),
            permitted: set("CapPrm"),
            effective: set("CapEff"),
            bounding: set("CapBnd"),
            ambient: set("CapAmb"),
            securebits,
            flags: if field("NoNewPrivs") == "1" { Credentials::NO_NEW_PRIVS } else { 0 },
        };
        Self { credentials, groups: ids("Groups") }
    }

    pub(crate) fn who(&self) -> Who<'_> {
        Who { credentials: &self.credentials, groups: &self.groups }
    }

    /// Returns the lines of /proc/PID/status that the model prints.
    pub(crate) fn lines(&self) -> String {
        let mut lines = Vec::new();
        for name in LINES {
            let known = status::line(name.as_bytes(), &self.credentials, &self.groups, &mut |piece| {
                lines.extend_from_slice(piece);
            });
            assert!(known);
        }
        String::from_utf8(lines).expect("text")
    }

    /// Performs a step in the model, and in the kernel too if `really` is true. Both results must
    /// then agree.
    pub(crate) fn take(&mut self, step: &Step, really: bool) {
        let before = self.clone();
        let expected = step.model(self);
        if really {
            let result = step.kernel();
            assert_eq!(result, expected, "{step:?} of {before:?}");
        }
    }

    /// Compares the model with the kernel's view of this process.
    pub(crate) fn compare(&self, why: &dyn std::fmt::Debug, before: &Self) {
        let status_text = std::fs::read_to_string("/proc/self/status").expect("/proc/self/status");
        assert_eq!(relevant(&status_text), self.lines(), "after {why:?} of {before:?}");
        assert_eq!(secure_bits(), self.credentials.securebits, "after {why:?} of {before:?}");
    }
}

/// Returns the lines of a status that show credentials, byte for byte, in the order of [`LINES`].
pub(crate) fn relevant(status_text: &str) -> String {
    LINES
        .iter()
        .filter_map(|name| {
            status_text
                .split_inclusive('\n')
                .find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(':')))
        })
        .collect()
}

pub(crate) fn secure_bits() -> u32 {
    // SAFETY: the call takes no pointer.
    unsafe { libc::prctl(libc::PR_GET_SECUREBITS, 0, 0, 0, 0) as u32 }
}

const IDS: [u32; 8] = [0, 0, 1, 1000, 1000, 2000, u32::MAX, u32::MAX - 1];

impl Step {
    pub(crate) fn random(random: &mut Random, state: &State) -> Self {
        let mut id = || random.of(&IDS);
        let (one, two, three) = (id(), id(), id());
        let number = match random.below(20) {
            0 => random.of(&[41, 42, 63, 64, u64::MAX, 1 << 32]),
            _ => random.below(41),
        };
        match random.below(23) {
            0 => Self::SetUid(one),
            1 => Self::SetGid(one),
            2 => Self::SetReUid(one, two),
            3 => Self::SetReGid(one, two),
            4 | 5 => Self::SetResUid(one, two, three),
            6 => Self::SetResGid(one, two, three),
            7 => Self::SetFsUid(one),
            8 => Self::SetFsGid(one),
            9 => {
                let len = random.below(4);
                Self::SetGroups((0..len).map(|_| random.of(&[0, 1, 1000, 2000, 7])).collect())
            }
            10..=12 => {
                let held = state.credentials.permitted.0;
                let mut wider = |set: u64| if random.once_in(8) { set | random.bits() } else { set };
                let (effective, permitted, inheritable) = (wider(held), wider(held), wider(held));
                let permitted = permitted & (random.bits() | random.bits());
                let effective = if random.once_in(8) { effective } else { effective & permitted };
                Self::CapSet(effective & random.bits(), permitted, inheritable & random.bits())
            }
            13 => Self::KeepCaps(random.of(&[0, 1, 1, 2, u64::MAX])),
            14 => Self::GetKeepCaps,
            15 => {
                let now = u64::from(state.credentials.securebits);
                Self::SecureBits(match random.below(8) {
                    0 => now,
                    1 => now | 1 << 20,
                    2 => now | 1 << 40,
                    3 => random.next() & 0xfff,
                    4 => 0,
                    5 => now ^ 1 << random.below(12),
                    _ => now ^ 1 << (2 * random.below(6)),
                })
            }
            16 => Self::BoundingRead(number),
            17 => Self::BoundingDrop(number),
            18 => Self::AmbientIsSet(number),
            19 | 20 => {
                // Prefer a capability that can be raised.
                let raisable = state.credentials.permitted.0 & state.credentials.inheritable.0;
                let number = if raisable == 0 { number } else { u64::from(raisable.trailing_zeros()) };
                Self::AmbientRaise(number)
            }
            21 => {
                if random.once_in(3) {
                    Self::AmbientClear
                } else {
                    Self::AmbientLower(number)
                }
            }
            _ => Self::NoNewPrivs(if random.once_in(3) { 1 } else { random.of(&[0, 2]) }),
        }
    }

    fn model(&self, state: &mut State) -> i64 {
        let credentials = &mut state.credentials;
        let done = |result: Result<(), Errno>| result.map(|()| 0);
        let truth = |result: Result<bool, Errno>| result.map(i64::from);
        let result = match *self {
            Self::SetUid(uid) => done(credentials.setuid(uid)),
            Self::SetGid(gid) => done(credentials.setgid(gid)),
            Self::SetReUid(real, effective) => done(credentials.setreuid(real, effective)),
            Self::SetReGid(real, effective) => done(credentials.setregid(real, effective)),
            Self::SetResUid(real, effective, saved) => done(credentials.setresuid(real, effective, saved)),
            Self::SetResGid(real, effective, saved) => done(credentials.setresgid(real, effective, saved)),
            Self::SetFsUid(uid) => Ok(i64::from(credentials.setfsuid(uid))),
            Self::SetFsGid(gid) => Ok(i64::from(credentials.setfsgid(gid))),
            Self::SetGroups(ref groups) => {
                let result = credentials.may_set_groups();
                if result.is_ok() {
                    state.groups.clone_from(groups);
                    state.groups.sort_unstable();
                }
                done(result)
            }
            Self::CapSet(effective, permitted, inheritable) => done(credentials.capset(
                Capabilities(effective),
                Capabilities(permitted),
                Capabilities(inheritable),
            )),
            Self::KeepCaps(value) => done(credentials.set_keep_caps(value)),
            Self::GetKeepCaps => Ok(i64::from(credentials.keep_caps())),
            Self::SecureBits(bits) => done(credentials.set_securebits(bits)),
            Self::BoundingRead(number) => truth(credentials.bounding_read(number)),
            Self::BoundingDrop(number) => done(credentials.bounding_drop(number)),
            Self::AmbientIsSet(number) => truth(credentials.ambient_is_set(number)),
            Self::AmbientRaise(number) => done(credentials.ambient_raise(number)),
            Self::AmbientLower(number) => done(credentials.ambient_lower(number)),
            Self::AmbientClear => {
                credentials.ambient_clear();
                Ok(0)
            }
            Self::NoNewPrivs(value) => done(credentials.set_no_new_privs(value)),
        };
        result.unwrap_or_else(|errno| -i64::from(errno.number()))
    }

    fn kernel(&self) -> i64 {
        // The C library's functions change all threads and hide results, so make the calls
        // directly.
        let call = |number: c_long, args: [u64; 5]| {
            // SAFETY: the calls made here take IDs, or pointers to data that outlives the call.
            outcome(unsafe { libc::syscall(number, args[0], args[1], args[2], args[3], args[4]) })
        };
        let ids = |number: c_long, ids: [u32; 3]| {
            call(number, [u64::from(ids[0]), u64::from(ids[1]), u64::from(ids[2]), 0, 0])
        };
        let prctl =
            |option: i32, args: [u64; 2]| call(libc::SYS_prctl, [option as u64, args[0], args[1], 0, 0]);
        match *self {
            Self::SetUid(uid) => ids(libc::SYS_setuid, [uid, 0, 0]),
            Self::SetGid(gid) => ids(libc::SYS_setgid, [gid, 0, 0]),
            Self::SetReUid(real, effective) => ids(libc::SYS_setreuid, [real, effective, 0]),
            Self::SetReGid(real, effective) => ids(libc::SYS_setregid, [real, effective, 0]),
            Self::SetResUid(real, effective, saved) => ids(libc::SYS_setresuid, [real, effective, saved]),
            Self::SetResGid(real, effective, saved) => ids(libc::SYS_setresgid, [real, effective, saved]),
            Self::SetFsUid(uid) => ids(libc::SYS_setfsuid, [uid, 0, 0]),
            Self::SetFsGid(gid) => ids(libc::SYS_setfsgid, [gid, 0, 0]),
            Self::SetGroups(ref groups) => {
                call(libc::SYS_setgroups, [groups.len() as u64, groups.as_ptr() as u64, 0, 0, 0])
            }
            Self::CapSet(effective, permitted, inheritable) => {
                let header = [0x2008_0522_u32, 0];
                let low = [effective as u32, permitted as u32, inheritable as u32];
                let high = [(effective >> 32) as u32, (permitted >> 32) as u32, (inheritable >> 32) as u32];
                let data = [low, high];
                call(libc::SYS_capset, [(&raw const header) as u64, (&raw const data) as u64, 0, 0, 0])
            }
            Self::KeepCaps(value) => prctl(libc::PR_SET_KEEPCAPS, [value, 0]),
            Self::GetKeepCaps => prctl(libc::PR_GET_KEEPCAPS, [0, 0]),
            Self::SecureBits(bits) => prctl(libc::PR_SET_SECUREBITS, [bits, 0]),
            Self::BoundingRead(number) => prctl(libc::PR_CAPBSET_READ, [number, 0]),
            Self::BoundingDrop(number) => prctl(libc::PR_CAPBSET_DROP, [number, 0]),
            Self::AmbientIsSet(number) => {
                prctl(libc::PR_CAP_AMBIENT, [libc::PR_CAP_AMBIENT_IS_SET as u64, number])
            }
            Self::AmbientRaise(number) => {
                prctl(libc::PR_CAP_AMBIENT, [libc::PR_CAP_AMBIENT_RAISE as u64, number])
            }
            Self::AmbientLower(number) => {
                prctl(libc::PR_CAP_AMBIENT, [libc::PR_CAP_AMBIENT_LOWER as u64, number])
            }
            Self::AmbientClear => prctl(libc::PR_CAP_AMBIENT, [libc::PR_CAP_AMBIENT_CLEAR_ALL as u64, 0]),
            Self::NoNewPrivs(value) => prctl(libc::PR_SET_NO_NEW_PRIVS, [value, 0]),
        }
    }
}

/// IDs of files and of processes that access them: few, so that they often match.
pub(crate) const SHARED_IDS: [u32; 4] = [0, 1000, 1001, 1002];

/// Assumes a random identity, in the model and, if `really` is true, in the kernel: an ordinary
/// user, a user with some of root's capabilities, or root without some.
pub(crate) fn assume_random_identity(random: &mut Random, really: bool) -> State {
    let mut state = State::of_this_process();
    let mut steps = Vec::new();
    let len = random.below(4);
    steps.push(Step::SetGroups((0..len).map(|_| random.of(&SHARED_IDS)).collect()));
    if random.once_in(2) {
        steps.push(Step::SecureBits(random.of(&[1 << 2, 1 << 4, 1 << 4])));
    }
    let mut id = || random.of(&SHARED_IDS);
    steps.push(Step::SetResGid(id(), id(), id()));
    let uid = id();
    let uids = if random.once_in(3) {
        [random.of(&SHARED_IDS), random.of(&SHARED_IDS), random.of(&SHARED_IDS)]
    } else {
        [uid; 3]
    };
    if random.once_in(4) {
        steps.push(Step::SetFsGid(random.of(&SHARED_IDS)));
    }
    steps.push(Step::SetResUid(uids[0], uids[1], uids[2]));
    let before = state.clone();
    for step in &steps {
        state.take(step, really);
    }
    // Each capability alone decides something, so mostly keep only a few.
    let mut wanted = 0;
    for number in [0_u64, 1, 2, 3, 4, 5, 21, 31] {
        if random.once_in(3) {
            wanted |= 1 << number;
        }
    }
    let held = state.credentials.permitted.0;
    let step = Step::CapSet(held & wanted, held, 0);
    if !random.once_in(5) {
        state.take(&step, really);
    }
    if random.once_in(6) {
        state.take(&Step::SetFsUid(random.of(&SHARED_IDS)), really);
    }
    if really {
        state.compare(&steps, &before);
    }
    state
}
