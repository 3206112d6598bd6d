//! The session's file, in which any process of the session, and any program of the same user's, may write.

use newroot_owner::session::{self, HEADER_WORDS, RECORD_WORDS};
use newroot_owner::tree::{self, Change};

use crate::words::words;
use newroot_abi::plan::MountFlags;

/// Reads any words as a session's header, its records and its changes of mounts.
///
/// # Panics
/// If what is written isn't what was read, or a record is found where it isn't.
pub fn check(bytes: &[u8]) {
    let words = words(bytes);
    if let Some(header) = words.first_chunk::<HEADER_WORDS>().and_then(session::decode_header) {
        let written = session::encode_header(&header, words[session::USED]);
        assert_eq!(written[..session::CHAIN], words[..session::CHAIN]);
    }
    if let Some(identity) = session::decode_record(&words) {
        assert_eq!(session::encode_record(&identity), words[..RECORD_WORDS]);
        assert_eq!(session::find(&words, &identity), Some(0), "what a record begins with is found at once");
        // Behind a record of its own it is found, too, wherever it ends.
        let room = session::room(identity.groups.len());
        let later =
            session::Identity { place: session::Place { namespace: 1, root: 1, names: 1 }, ..identity };
        let mut file = words.clone();
        file.resize(room, 0);
        file.extend(session::encode_record(&later));
        file.extend(later.groups);
        if identity != later {
            assert_eq!(session::find(&file, &later), Some(room));
        }
    }
    if let Some((&first, rest)) = words.split_first() {
        if let Some((kind, count)) = tree::read_head(first) {
            assert_eq!(tree::head(kind, count), first);
        }
        let flags = MountFlags(rest.first().copied().unwrap_or(0));
        let (one, two) = bytes.split_at(bytes.len() / 2);
        if let Some(change) = Change::decode(first, flags, [one, two]) {
            let (operation, flags, paths) = change.encode();
            assert_eq!(operation, first);
            assert_eq!(Change::decode(operation, flags, paths), Some(change));
        }
    }
}
