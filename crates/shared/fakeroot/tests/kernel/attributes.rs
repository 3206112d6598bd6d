//! Extended attributes: permission to read, set, remove and list them, and the values that are
//! accepted.

use std::ffi::CStr;
use std::path::Path;

use newroot_abi::Errno;
use newroot_fakeroot::permission::{
    change_acl, change_default_acl, lists_attribute, may, may_read_attribute, may_write_attribute,
};
use newroot_fakeroot::{FileCapabilities, acl};

use crate::child::outcome;
use crate::files::{
    ACCESS, CAPABILITY, DEFAULT, Facts, Kinds, Pair, SOME_CAPABILITY, attribute, c_path, random_list,
    set_attribute,
};
use crate::identity::State;
use crate::permissions::{Result, SEARCH, number, with_random_identity};
use crate::random::Random;

const CALLS: u64 = 2000;
const VALUES: u64 = 4000;

const NAMES: [&CStr; 8] =
    [c"user.x", c"trusted.x", c"security.x", CAPABILITY, ACCESS, DEFAULT, c"unheard-of.x", c"user.missing"];

/// Compares getxattr, listxattr, setxattr and removexattr for each name.
pub(crate) fn calls(scratch: &Path) -> u64 {
    let mut count = 0;
    for seed in 0..CALLS {
        let mut random = Random::new(seed ^ 0x3f << 40);
        let pair = Pair::make(&mut random, scratch, Kinds::All);
        for name in NAMES.into_iter().take(3) {
            set_attribute(&pair.path, name, b"value");
        }
        let there: Vec<bool> = NAMES.iter().map(|name| attribute(&pair.path, name).is_some()).collect();
        let mut list = random_list(&mut random);
        if random.once_in(2) {
            corrupt(&mut random, &mut list);
        }
        let path = c_path(&pair.path);
        let removes = random.once_in(2);
        let changed = random.of(&NAMES);
        let value: &[u8] = match changed {
            name if name == CAPABILITY => &SOME_CAPABILITY,
            name if name == ACCESS || name == DEFAULT => &list,
            _ => b"other",
        };

        let (state, results) = with_random_identity(&mut random, || {
            let mut buffer = [0_u8; 4096];
            let mut results = Vec::new();
            let names_len = {
                // SAFETY: the path ends with NUL, and the buffer has the given length.
                let len =
                    unsafe { libc::llistxattr(path.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len()) };
                results.push(outcome(len as i64).min(0));
                usize::try_from(len).unwrap_or(0)
            };
            for name in NAMES {
                let listed =
                    buffer[..names_len].split(|byte| *byte == 0).any(|listed| listed == name.to_bytes());
                results.push(i64::from(listed));
            }
            for name in NAMES {
                let mut buffer = [0_u8; 4096];
                // SAFETY: path and name end with NUL, and the buffer has the given length.
                let result = unsafe {
                    libc::lgetxattr(path.as_ptr(), name.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len())
                };
                results.push(outcome(result as i64).min(0));
            }
            // SAFETY: path and name end with NUL, and the value has the given length.
            let result = unsafe {
                if removes {
                    libc::lremovexattr(path.as_ptr(), changed.as_ptr())
                } else {
                    libc::lsetxattr(path.as_ptr(), changed.as_ptr(), value.as_ptr().cast(), value.len(), 0)
                }
            };
            results.push(outcome(i64::from(result)));
            results
        });

        let who = state.who();
        let search = may(&who, &pair.directory.owned(), SEARCH);
        let mut expected = vec![number(search)];
        for (name, there) in NAMES.iter().zip(&there) {
            let listed = search.is_ok() && *there && lists_attribute(&who, name.to_bytes());
            expected.push(i64::from(listed));
        }
        for (name, there) in NAMES.iter().zip(&there) {
            expected.push(number(read(&state, &pair, name, *there)));
        }
        let index = NAMES.iter().position(|name| *name == changed).unwrap_or(0);
        let mut after = pair.file.clone();
        let result = if removes {
            remove(&state, &pair, changed, there[index], &mut after)
        } else {
            set(&state, &pair, changed, value, &mut after)
        };
        expected.push(number(result));
        let context = format!("seed {seed}: removes {removes} {changed:?} {pair:#?} {state:#?}");
        assert_eq!(results, expected, "{context}");
        assert_eq!(Facts::of(&pair.path), Some(after), "{context}");
        count += results.len() as u64;
    }
    count
}

fn supported(name: &CStr) -> Result<()> {
    if name.to_bytes().starts_with(b"unheard-of.") { Err(Errno::OPNOTSUPP) } else { Ok(()) }
}

fn read(state: &State, pair: &Pair, name: &CStr, there: bool) -> Result<()> {
    may(&state.who(), &pair.directory.owned(), SEARCH)?;
    may_read_attribute(&state.who(), &pair.file.owned(), name.to_bytes())?;
    supported(name)?;
    if there { Ok(()) } else { Err(Errno::NODATA) }
}

fn set(state: &State, pair: &Pair, name: &CStr, value: &[u8], after: &mut Facts) -> Result<()> {
    may(&state.who(), &pair.directory.owned(), SEARCH)?;
    let mut buffer = [0; 4096];
    if name == ACCESS {
        let (mode, kept) = change_acl(&state.who(), &pair.file.owned(), value)?;
        let len = acl::normal(value, &mut buffer)?;
        after.mode = mode;
        after.access = kept.then(|| buffer[..len].to_vec());
        return Ok(());
    }
    if name == DEFAULT {
        let kept = change_default_acl(&state.who(), &pair.file.owned(), value)?;
        let len = acl::normal(value, &mut buffer)?;
        after.default = kept.then(|| buffer[..len].to_vec());
        return Ok(());
    }
    may_write_attribute(&state.who(), &pair.file.owned(), name.to_bytes())?;
    supported(name)?;
    if name == CAPABILITY {
        after.capability = true;
    }
    Ok(())
}

fn remove(state: &State, pair: &Pair, name: &CStr, there: bool, after: &mut Facts) -> Result<()> {
    may(&state.who(), &pair.directory.owned(), SEARCH)?;
    // Removing a list that doesn't exist succeeds.
    if name == ACCESS {
        (after.mode, _) = change_acl(&state.who(), &pair.file.owned(), b"")?;
        after.access = None;
        return Ok(());
    }
    if name == DEFAULT {
        change_default_acl(&state.who(), &pair.file.owned(), b"")?;
        after.default = None;
        return Ok(());
    }
    may_write_attribute(&state.who(), &pair.file.owned(), name.to_bytes())?;
    supported(name)?;
    if name == CAPABILITY {
        after.capability = false;
    }
    if there { Ok(()) } else { Err(Errno::NODATA) }
}

/// Compares lists with all kinds of faults, set by root.
pub(crate) fn lists(scratch: &Path) -> u64 {
    let state = State::of_this_process();
    let path = scratch.join("file");
    std::fs::write(&path, "x").expect("a file");
    let mut valid = 0;
    for seed in 0..VALUES {
        let mut random = Random::new(seed ^ 0x4f << 40);
        let before = Facts::of(&path).expect("the file");
        let mut list = random_list(&mut random);
        for _ in 0..random.below(3) {
            corrupt(&mut random, &mut list);
        }
        let result = set_attribute(&path, ACCESS, &list);
        let expected = change_acl(&state.who(), &before.owned(), &list);
        assert_eq!(result, number(expected.map(|_| ())), "{list:?}");
        let mut after = before;
        if let Ok((mode, kept)) = expected {
            let mut buffer = [0; 4096];
            let len = acl::normal(&list, &mut buffer).expect("the list fits");
            after.mode = mode;
            after.access = kept.then(|| buffer[..len].to_vec());
            valid += 1;
        }
        assert_eq!(Facts::of(&path), Some(after), "{list:?}");
    }
    println!("{valid} of {VALUES} lists were valid");
    VALUES
}

pub(crate) fn corrupt(random: &mut Random, list: &mut Vec<u8>) {
    let entries = list.len().saturating_sub(4) / 8;
    match random.below(9) {
        0 => list.truncate(random.below(list.len() as u64 + 1) as usize),
        1 => list.truncate(4),
        2 => list.clear(),
        3 if !list.is_empty() => list[0] = random.of(&[0, 1, 3]),
        4 | 5 if entries > 1 => {
            let mut entry = || 4 + 8 * random.below(entries as u64) as usize;
            let (one, other) = (entry(), entry());
            for byte in 0..8 {
                list.swap(one + byte, other + byte);
            }
        }
        6 if entries > 0 => {
            let entry = 4 + 8 * random.below(entries as u64) as usize;
            list.drain(entry..entry + 8);
        }
        7 if entries > 0 => {
            let entry = 4 + 8 * random.below(entries as u64) as usize;
            list[entry + random.below(8) as usize] = random.of(&[0, 1, 2, 4, 8, 16, 32, 255]);
        }
        _ if entries > 0 => {
            let entry = 4 + 8 * random.below(entries as u64) as usize;
            list[entry + 4..entry + 8].copy_from_slice(&[255; 4]);
        }
        _ => {}
    }
}

/// Compares valid and invalid values of `security.capability`, set and read by root.
pub(crate) fn capabilities(scratch: &Path) -> u64 {
    let path = scratch.join("file");
    std::fs::write(&path, "x").expect("a file");
    for seed in 0..VALUES {
        let mut random = Random::new(seed ^ 0x5f << 40);
        let head = random.of(&[0x0100_0000, 0x0200_0000, 0x0200_0000, 0x0300_0000, 0x0300_0000, 0])
            | random.of(&[0, 0, 1, 2]);
        let mut words = vec![head];
        words.extend((0..4).map(|_| random.bits() as u32));
        if head & 0x0300_0000 == 0x0300_0000 {
            words.push(random.of(&[0, 0, 1000, u32::MAX]));
        }
        let mut value: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
        if random.once_in(5) {
            // Never empty: that is the only value on which the model differs on purpose.
            value.truncate(1 + random.below(24) as usize);
        }
        let result = set_attribute(&path, CAPABILITY, &value);
        let expected = FileCapabilities::check(&value);
        assert_eq!(result, number(expected), "{value:?}");
        if expected.is_ok() {
            let mut buffer = [0; FileCapabilities::MAX];
            let len = FileCapabilities::shown(&value, &mut buffer);
            assert_eq!(attribute(&path, CAPABILITY).as_deref(), Some(&buffer[..len]), "{value:?}");
        }
    }
    VALUES
}
