//! Execs of a program with set-ID bits and capabilities, which reports its credentials.

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use newroot_fakeroot::{FileCapabilities, Owned, Program, Want, permission};

use crate::child::{in_child, outcome};
use crate::identity::{State, Step, relevant, secure_bits};
use crate::random::Random;

/// First argument that makes this program report its credentials.
pub(crate) const REPORT: &str = "--report-credentials";

const EXECS: u64 = 1500;

/// Reports the credentials of this process: the main function of the executed program.
pub(crate) fn report() {
    // SAFETY: the call takes no pointer.
    let secure = unsafe { libc::getauxval(libc::AT_SECURE) };
    let status = fs::read_to_string("/proc/self/status").expect("/proc/self/status");
    println!("{}secure {secure} bits {}", relevant(&status), secure_bits());
}

pub(crate) fn random_programs(scratch: &Path) -> u64 {
    let program = scratch.join("program");
    fs::copy(std::env::current_exe().expect("the path of this program"), &program)
        .expect("a copy of the program");
    let mut counts = [0_u64; 4];
    for seed in 0..EXECS {
        let mut random = Random::new(seed ^ 0xec << 32);
        let (file, attribute) = prepare(&mut random, &program);
        let start = State::of_this_process();
        let expected = {
            let mut state = start.clone();
            randomize(&mut random.clone(), &mut state, false);
            (expect(&state, &file, attribute.as_deref()), state)
        };
        let text = in_child(|pipe| {
            let mut state = start.clone();
            randomize(&mut random, &mut state, true);
            exec(&program, pipe)
        });
        let text = String::from_utf8(text).expect("text");
        assert_eq!(text, expected.0, "{file:?} {attribute:?} executed by {:?}", expected.1);
        counts[0] += 1;
        counts[1] += u64::from(text.starts_with("errno"));
        counts[2] += u64::from(text.contains("secure 1"));
        counts[3] += u64::from(!text.contains("CapAmb:\t0000000000000000") && text.contains("CapAmb"));
    }
    println!(
        "{} execs: {} refused, {} secure, {} with ambient capabilities",
        counts[0], counts[1], counts[2], counts[3]
    );
    EXECS
}

/// Performs a few random steps before the exec, mostly those that affect it.
fn randomize(random: &mut Random, state: &mut State, really: bool) {
    let start = state.clone();
    // Make sure that inheritable and ambient sets are often non-empty.
    if random.once_in(2) {
        let held = state.credentials.permitted.0;
        state.take(&Step::CapSet(held, held, held & random.bits()), really);
        if random.once_in(2) {
            state.take(&Step::SecureBits(1 << 4), really);
        }
        if random.once_in(2) {
            let uid = random.of(&[0, 1000, 2000]);
            state.take(&Step::SetResUid(uid, random.of(&[uid, uid, 0, 1000]), uid), really);
        }
        for _ in 0..3 {
            state.take(&Step::AmbientRaise(random.below(41)), really);
        }
    }
    for _ in 0..random.below(12) {
        let step = Step::random(random, state);
        state.take(&step, really);
    }
    if really {
        state.compare(&"random steps", &start);
    }
}

fn prepare(random: &mut Random, program: &Path) -> (Program, Option<Vec<u8>>) {
    let owner = random.of(&[0, 0, 1000, 2000]);
    let group = random.of(&[0, 1000, 2000]);
    let mode = random.of(&[0o755, 0o755, 0o745, 0o705]) | random.of(&[0, 0, 0o4000, 0o2000, 0o6000]);
    chown(program, Some(owner), Some(group)).expect("chown");
    fs::set_permissions(program, fs::Permissions::from_mode(mode)).expect("chmod");
    let attribute = random.once_in(2).then(|| {
        let permitted = random.bits() & random.bits();
        let inheritable = random.bits();
        let effective = u32::from(random.once_in(2));
        let third = random.once_in(3);
        let revision = if third { 0x0300_0000 } else { 0x0200_0000 };
        let mut words = vec![
            revision | effective,
            permitted as u32,
            inheritable as u32,
            (permitted >> 32) as u32,
            (inheritable >> 32) as u32,
        ];
        if third {
            words.push(random.of(&[0, 1000]));
        }
        words.into_iter().flat_map(u32::to_le_bytes).collect::<Vec<u8>>()
    });
    let path = CString::new(program.as_os_str().as_bytes()).expect("a path");
    if let Some(value) = &attribute {
        // SAFETY: path and name end with NUL, and the value has the given length.
        let result = unsafe {
            libc::setxattr(
                path.as_ptr(),
                c"security.capability".as_ptr(),
                value.as_ptr().cast(),
                value.len(),
                0,
            )
        };
        assert_eq!(outcome(i64::from(result)), 0, "setxattr {value:?}");
    }
    (Program { owner, group, mode: 0o100_000 | mode, capabilities: None }, attribute)
}

/// Returns the report that the model expects.
fn expect(state: &State, file: &Program, attribute: Option<&[u8]>) -> String {
    let owned = Owned { uid: file.owner, gid: file.group, mode: file.mode, acl: None };
    let result = permission::may(&state.who(), &owned, Want::EXECUTE).and_then(|()| {
        let capabilities = attribute.map(FileCapabilities::decode).transpose()?;
        state.credentials.exec(&state.groups, &Program { capabilities, ..*file })
    });
    match result {
        Ok(executed) => {
            let bits = executed.credentials.securebits;
            let after = State { credentials: executed.credentials, groups: state.groups.clone() };
            format!("{}secure {} bits {bits}\n", after.lines(), u8::from(executed.secure))
        }
        Err(errno) => format!("errno {}\n", errno.number()),
    }
}

fn exec(program: &Path, pipe: i32) -> Vec<u8> {
    let path = CString::new(program.as_os_str().as_bytes()).expect("a path");
    let report = CString::new(REPORT).expect("an argument");
    let arguments = [path.as_ptr(), report.as_ptr(), std::ptr::null()];
    let environment = [std::ptr::null()];
    // SAFETY: all strings end with NUL, both lists with a null pointer.
    let result = unsafe {
        libc::dup2(pipe, 1);
        libc::execve(path.as_ptr(), arguments.as_ptr(), environment.as_ptr())
    };
    format!("errno {}\n", -outcome(i64::from(result))).into_bytes()
}
