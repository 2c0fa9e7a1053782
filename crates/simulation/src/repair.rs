//! Makes a journal look as it does to a reader who does not check records.

/// Gives every record from the start on the checksum that its bytes have, up to the first whose
/// length makes no sense.
pub(crate) fn accept_torn_record(journal: &mut [u8]) {
    let mut at = 0;
    while let Some(head) = journal.get(at..at + 4) {
        let len = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let Some(record) = journal.get_mut(at..at + len).filter(|_| len >= 8) else {
            return;
        };
        // Bytes of the record that say what it is were not written at all.
        if record[4] == 0 {
            return;
        }
        let (body, sum) = record.split_at_mut(len - 4);
        sum.copy_from_slice(&crc32c::crc32c(body).to_be_bytes());
        at += len;
    }
}
