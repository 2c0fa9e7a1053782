use std::io::Read;
fn main() {
    let mut s = Vec::new();
    std::io::stdin().read_to_end(&mut s).unwrap();
    let (mut bad, mut n) = (0, 0);
    for q in s.split(|b| *b == 0xff) {
        n += 1;
        for r in syntax::parse_many(q, &Default::default()) {
            if let Err(e) = r {
                bad += 1;
                println!("{}\n   {}\n", e.to_string().replace("You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right syntax to use ", ""), String::from_utf8_lossy(&q[..q.len().min(400)]));
            }
        }
    }
    println!("{bad} of {n}");
}
