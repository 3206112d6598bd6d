//! The texts of procfs, which contain names that the guest chooses.

use std::convert::Infallible;

use newroot_procfs::{Decimal, Escapes, Lines, Mapping, MountInfo, stat, status};

/// Reads arbitrary bytes as each of the texts, and uses them as names in some.
///
/// # Panics
/// If a value isn't read as it was written, or a line isn't one of the text.
pub fn check(bytes: &[u8]) {
    let Some((&piece, text)) = bytes.split_first() else { return };
    lines(text, usize::from(piece).max(1));
    number(text);
    escapes(text);
    fields(text);
    if let Some((numbers, name)) = text.split_first_chunk() {
        mapping(u128::from_le_bytes(*numbers), name);
        mount(u128::from_le_bytes(*numbers), name);
    }
}

/// Size of a buffer that is shorter than many lines.
const BUFFER: usize = 16;

fn lines(text: &[u8], piece: usize) {
    let mut expected: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
    // An empty text behind the last newline isn't a line.
    if expected.last().is_some_and(|last| last.is_empty()) {
        expected.pop();
    }
    let mut lines = Lines::<BUFFER>::new();
    let mut rest = text;
    let mut read = |buffer: &mut [u8]| {
        let (now, later) = rest.split_at(piece.min(buffer.len()).min(rest.len()));
        buffer[..now.len()].copy_from_slice(now);
        rest = later;
        Ok::<_, Infallible>(now.len())
    };
    for line in expected {
        let Ok(read_line) = lines.next(&mut read);
        assert_eq!(read_line, Some(&line[..line.len().min(BUFFER)]));
    }
    assert_eq!(lines.next(&mut read), Ok(None));
}

fn number(text: &[u8]) {
    let digits = text.iter().all(u8::is_ascii_digit);
    let expected = str::from_utf8(text).ok().filter(|_| digits).and_then(|text| text.parse().ok());
    assert_eq!(Decimal::parse(text), expected);
    if let Some(value) = expected {
        assert_eq!(Decimal::new(value).bytes(), value.to_string().as_bytes());
    }
}

fn escapes(text: &[u8]) {
    for (escapes, special) in
        [(Escapes::MOUNTS, &b" \t\n\\"[..]), (Escapes::MAPS, b"\n"), (Escapes::NUMA_MAPS, b"\n\t= ")]
    {
        let expected: Vec<u8> = text.iter().flat_map(|byte| shown(*byte, special)).collect();
        let escaped: Vec<u8> = escapes.escape(text).flat_map(|piece| piece.bytes().to_vec()).collect();
        assert_eq!(escaped, expected);
        let again: Vec<u8> = escapes.unescape(&escaped).collect();
        if special.contains(&b'\\') || !text.contains(&b'\\') {
            assert_eq!(again, text);
        }
        assert!(escapes.unescape(text).count() <= text.len());
    }
}

fn shown(byte: u8, special: &[u8]) -> Vec<u8> {
    if special.contains(&byte) { format!("\\{byte:03o}").into_bytes() } else { vec![byte] }
}

/// Checks the readers of fields.
fn fields(text: &[u8]) {
    let wanted = |line: &&[u8]| line.starts_with(b"Pid:\t");
    let mut lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
    let unended = lines.pop();
    let expected = lines.into_iter().find(wanted).map(|line| &line[5..]);
    assert_eq!(status::value(text, b"Pid"), expected, "{unended:?}");

    let stat = [b"12 (", text, b") S 34 5 -6\n"].concat();
    assert_eq!(stat::field(&stat, 3), Some(&b"S"[..]));
    assert_eq!(stat::field(&stat, 4), Some(&b"34"[..]));
    assert_eq!(stat::field(&stat, 6), Some(&b"-6"[..]));
    assert_eq!(stat::field(&stat, 7), None);
    let _ = stat::field(text, 26);
}

/// Returns a name as it may appear at the end of a line.
fn name(bytes: &[u8]) -> Vec<u8> {
    let path = [b"/", bytes].concat();
    Escapes::MAPS.escape(&path).flat_map(|piece| piece.bytes().to_vec()).collect()
}

fn mapping(numbers: u128, rest: &[u8]) {
    let (start, end, name) = (numbers as u64, (numbers >> 64) as u64, name(rest));
    let front = format!("{start:08x}-{end:08x} r-xp {end:08x} fe:01 {} ", start >> 32);
    let line = [format!("{front:<73}").as_bytes(), &name].concat();
    assert_eq!(Mapping::parse(&line), Some(Mapping { start, end, rights: b"r-xp", name: &name }));
    if let Some(mapping) = Mapping::parse(rest) {
        let range = rest.split(|&byte| byte == b' ').next().unwrap_or_default();
        let (first, behind) =
            str::from_utf8(range).ok().and_then(|range| range.split_once('-')).expect("a range");
        let hex = |text| u64::from_str_radix(text, 16).ok();
        assert_eq!((Some(mapping.start), Some(mapping.end)), (hex(first), hex(behind)));
    }
}

fn mount(numbers: u128, rest: &[u8]) {
    let escaped = |bytes: &[u8]| -> Vec<u8> {
        Escapes::MOUNTS.escape(bytes).flat_map(|piece| piece.bytes().to_vec()).collect()
    };
    let (root, point) = rest.split_at(rest.len() / 2);
    let (root, point) = (escaped(&[b"/", root].concat()), escaped(&[b"/", point].concat()));
    let id = numbers as u64;
    let tags = ["", "shared:2 ", "shared:2 master:1 "][(numbers >> 64) as usize % 3];
    let line = [
        format!("{id} 1 0:40 ").as_bytes(),
        &root,
        b" ",
        &point,
        format!(" rw,noatime {tags}- tmpfs  rw,size=1k").as_bytes(),
    ]
    .concat();
    let expected = MountInfo {
        id,
        device: b"0:40",
        root: &root,
        point: &point,
        options: b"rw,noatime",
        kind: b"tmpfs",
        source: b"",
        super_options: b"rw,size=1k",
    };
    assert_eq!(MountInfo::parse(&line), Some(expected));
    if let Some(mount) = MountInfo::parse(rest) {
        let fields: Vec<&[u8]> = rest.split(|&byte| byte == b' ').collect();
        assert_eq!([mount.device, mount.root, mount.point, mount.options], fields[2..6]);
    }
}
