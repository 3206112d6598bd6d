//! Entries of a directory listing, in memory that any thread of the guest may write to.

use newroot_shim::kernel::entries::{Layout, amend};

/// Filters arbitrary bytes as a listing, and a listing that is built from them.
///
/// # Panics
/// If the result isn't exactly the entries to keep, unchanged and in order.
pub fn check(bytes: &[u8]) {
    let Some((&[choice, keep], rest)) = bytes.split_first_chunk() else { return };
    let layout = if choice & 1 == 0 { Layout::Old } else { Layout::New };
    amend_and_compare(rest, &apparent_entries(rest, layout), layout, keep);

    let names: Vec<&[u8]> = rest.split(|&byte| byte == 0).map(|name| &name[..name.len().min(255)]).collect();
    let entries: Vec<Vec<u8>> = names.iter().map(|name| entry(name, layout)).collect();
    amend_and_compare(&entries.concat(), &entries, layout, keep);
    let mut seen = Vec::new();
    amend(&mut entries.concat(), layout, |entry| {
        seen.push(entry.name().bytes().to_vec());
        assert_eq!((entry.inode(), entry.kind()), (INODE, u32::from(KIND)));
        true
    });
    assert_eq!(seen, names);
}

const INODE: u64 = 0x0102_0304_0506_0708;
const KIND: u8 = 10;

/// Removes every entry whose bit in `keep` isn't set and compares the result. Then sets a type and
/// an inode in all entries.
fn amend_and_compare(listing: &[u8], entries: &[Vec<u8>], layout: Layout, keep: u8) {
    let wanted = |index: usize| keep >> (index % 8) & 1 == 1;
    let mut amended = listing.to_vec();
    let mut index = 0;
    let left = amend(&mut amended, layout, |_| {
        index += 1;
        wanted(index - 1)
    });
    assert_eq!(index, entries.len());
    let kept: Vec<u8> = entries
        .iter()
        .enumerate()
        .filter(|(index, _)| wanted(*index))
        .flat_map(|(_, entry)| entry.clone())
        .collect();
    assert_eq!(amended[..left], kept);
    assert_eq!(amended.len(), listing.len());

    let mut changed = listing.to_vec();
    amend(&mut changed, layout, |entry| {
        entry.set_kind(0o040_755);
        entry.set_inode(INODE);
        assert_eq!((entry.inode(), entry.kind()), (INODE, 4));
        true
    });
}

/// Returns the entries in arbitrary bytes, up to the first one that exceeds them.
fn apparent_entries(mut listing: &[u8], layout: Layout) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    while listing.len() > layout.head() {
        let len = usize::from(u16::from_ne_bytes([listing[16], listing[17]]));
        if len <= layout.head() || len > listing.len() {
            break;
        }
        let (entry, rest) = listing.split_at(len);
        entries.push(entry.to_vec());
        listing = rest;
    }
    entries
}

/// Returns an entry as the kernel writes it (fs/readdir.c).
fn entry(name: &[u8], layout: Layout) -> Vec<u8> {
    let tail = if layout == Layout::Old { 2 } else { 1 };
    let len = (layout.head() + name.len() + tail).next_multiple_of(8);
    let mut entry = [&INODE.to_ne_bytes()[..], &[0; 8], &(len as u16).to_ne_bytes()].concat();
    if layout == Layout::New {
        entry.push(KIND);
    }
    entry.extend(name);
    entry.resize(len, 0);
    if layout == Layout::Old {
        entry[len - 1] = KIND;
    }
    entry
}
