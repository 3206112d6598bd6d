//! Records survive the round trip in both formats, and arbitrary bytes do no harm.

use newroot_fakeroot::record::{MESSAGE_MAX, Record, TEXT_MAX};
use proptest::prelude::*;

/// Generates an owner, but never 4294967295, which isn't a valid ID.
fn owner() -> impl Strategy<Value = Option<u32>> {
    prop_oneof![Just(None), Just(Some(0)), (0..u32::MAX).prop_map(Some)]
}

fn record() -> impl Strategy<Value = Record> {
    let modes = (any::<Option<u32>>(), any::<Option<u32>>());
    let rest = (any::<Option<u64>>(), any::<Option<u64>>());
    (owner(), owner(), modes, rest).prop_map(|(uid, gid, (mode, written), (device, birth))| Record {
        uid,
        gid,
        mode,
        written,
        device,
        birth,
    })
}

proptest! {
    #[test]
    fn a_message_survives_the_round_trip(record in record()) {
        let mut out = [0; MESSAGE_MAX];
        let len = record.encode(&mut out);
        prop_assert!(len > 0);
        prop_assert_eq!(Record::decode(&out[..len]), Ok(record));
    }

    #[test]
    fn a_text_survives_the_round_trip_and_can_be_a_links_target(record in record()) {
        let mut out = [0; TEXT_MAX];
        let len = record.encode_text(&mut out);
        prop_assert!(len > 0);
        prop_assert!(!out[..len].contains(&b'/') && !out[..len].contains(&0));
        prop_assert_eq!(Record::decode_text(&out[..len]), Ok(record));
    }

    #[test]
    fn arbitrary_bytes_are_read_or_rejected(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = Record::decode(&bytes);
        let _ = Record::decode_text(&bytes);
    }

    #[test]
    fn malformed_texts_are_read_or_rejected(text in "[ugmdbx]=[0-9:.]{0,22}(,[ugmdbx]?=?[0-9:.]{0,22}){0,4}") {
        if let Ok(record) = Record::decode_text(text.as_bytes()) {
            let mut out = [0; TEXT_MAX];
            let len = record.encode_text(&mut out);
            prop_assert_eq!(Record::decode_text(&out[..len]), Ok(record));
        }
    }
}
