"""Random tables: columns of every type with values, keys, indexes."""

import random

WORDS = [
    "",
    "a",
    "A",
    "b",
    "Ab",
    "aB",
    "zz",
    "straße",
    "STRASSE",
    "é",
    "e",
    "日本",
    "😀",
    "a ",
    "a  b",
    "tab\\tx",
    "quote",
    "100%",
    "x" * 40,
    "y" * 255,
    "null",
    "0",
    "-1",
    "1e3",
    "ñandú",
]


def lit_text(r, most, ascii_only=False):
    k = r.random()
    if k < 0.6:
        w = r.choice(WORDS)
    elif k < 0.9:
        w = "".join(r.choice("abcdefXYZ 0129_-") for _ in range(r.randint(0, min(most, 30))))
    else:
        w = "".join(r.choice("lorem ipsum dolor") for _ in range(r.randint(0, most)))
    if ascii_only:
        w = "".join(c for c in w if ord(c) < 128)
    w = w[:most]
    if w.endswith("\\"):
        w = w[:-1]
    if w.count("'") % 2:
        w = w.replace("'", "")
    return "'" + w + "'"


INTS = {"TINYINT": 7, "SMALLINT": 15, "MEDIUMINT": 23, "INT": 31, "BIGINT": 63}
COLLATIONS = [
    "utf8mb4_0900_bin",
    "utf8mb4_0900_ai_ci",
    "utf8mb4_general_ci",
    "utf8mb4_bin",
    "utf8mb4_unicode_ci",
    "utf8mb4_0900_as_cs",
    "latin1_swedish_ci",
    "ascii_general_ci",
    "utf8mb3_general_ci",
]


class Column:
    def __init__(self, r, name, key=False):
        self.name, self.key = name, key
        kinds = ["int"] * 4 + [
            "uint",
            "dec",
            "dbl",
            "flt",
            "bit",
            "date",
            "datetime",
            "timestamp",
            "time",
            "year",
            "char",
            "varchar",
            "varchar",
            "varchar",
            "bin",
            "varbin",
            "enum",
            "set",
        ]
        if not key:
            kinds += ["text", "text", "blob", "json", "json", "point", "longtext", "geom"]
        self.kind = k = r.choice(kinds)
        self.collation = None
        self.null = (
            (not key) and r.random() < 0.7 and k != "json"
        )  # where columns came or went, Dolt reports NULLs of JSON as conflicts
        self.n = 0
        if k in ("int", "uint"):
            self.base = r.choice(list(INTS))
            self.bits = INTS[self.base]
            self.type = self.base + (" UNSIGNED" if k == "uint" else "")
        elif k == "dec":
            p = r.randint(1, 40)
            s = r.randint(0, min(p, 20))
            self.p, self.s = p, s
            self.type = f"DECIMAL({p},{s})"
        elif k == "dbl":
            self.type = "DOUBLE"
        elif k == "flt":
            self.type = "FLOAT"
        elif k == "bit":
            self.n = r.randint(1, 64)
            self.type = f"BIT({self.n})"
        elif k == "date":
            self.type = "DATE"
        elif k in ("datetime", "timestamp", "time"):
            self.n = r.choice([0, 0, 3, 6]) if k != "time" else 0
            self.type = k.upper() + (f"({self.n})" if self.n else "")
        elif k == "year":
            self.type = "YEAR"
        elif k in ("char", "varchar"):
            self.n = r.choice([1, 5, 20, 60, 200] if k == "char" else [1, 10, 50, 255, 600])
            if key:
                self.n = min(self.n, 60)
            if r.random() < 0.6:
                self.collation = r.choice(COLLATIONS)
            self.type = f"{k.upper()}({self.n})" + (f" COLLATE {self.collation}" if self.collation else "")
            if self.collation:
                self.type = f"{k.upper()}({self.n}) CHARACTER SET {self.collation.split('_')[0]} COLLATE {self.collation}"
        elif k in ("text", "longtext"):
            self.type = k.upper()
            self.n = 3000
        elif k in ("bin", "varbin"):
            self.n = r.choice([1, 4, 16, 40])
            self.type = ("BINARY" if k == "bin" else "VARBINARY") + f"({self.n})"
        elif k == "blob":
            self.type = "BLOB"
            self.n = 3000
        elif k == "json":
            self.type = "JSON"
        elif k == "point":
            self.type = "POINT"
        elif k == "geom":
            self.type = "GEOMETRY"
        elif k == "enum":
            self.type = "ENUM('a','b','C','long value','')" if r.random() < 0.3 else "ENUM('a','b','C')"
        elif k == "set":
            self.type = "SET('x','y','z','w')"
        self.default = None
        if (
            not key
            and r.random() < 0.25
            and k not in ("set", "enum", "bit", "text", "blob", "json", "point", "longtext", "geom")
        ):
            self.default = self.value(r, null=False)

    def ascii(self):
        return bool(self.collation) and self.collation.startswith(("ascii", "latin1"))

    def definition(self):
        return (
            f"`{self.name}` {self.type}"
            + ("" if self.null else " NOT NULL")
            + (f" DEFAULT {self.default}" if self.default is not None else "")
        )

    def value(self, r, null=True):
        if null and self.null and r.random() < 0.15:
            return "NULL"
        k = self.kind
        small = r.random() < 0.7
        if k == "int":
            return (
                str(r.randint(-20, 100)) if small else str(r.randint(-(1 << self.bits), (1 << self.bits) - 1))
            )
        if k == "uint":
            return str(r.randint(0, 100)) if small else str(r.randint(0, (1 << (self.bits + 1)) - 1))
        if k == "dec":
            whole = self.p - self.s
            a = str(r.randint(0, 10 ** min(whole, r.randint(0, whole)) - 1)) if whole else "0"
            b = "".join(r.choice("0123456789") for _ in range(r.randint(0, self.s)))
            v = a + ("." + b if b else "")
            return ("-" if r.random() < 0.3 and v.strip("0.") else "") + v
        if k == "dbl":
            return repr(
                r.choice([0.5, 1.25, -3.75, 1e5, 1e-5, r.random() * 1000, float(r.randint(-100, 100))])
            )
        if k == "flt":
            return repr(r.choice([0.5, 1.25, -3.75, 1e5, float(r.randint(-100, 100)), 0.1]))
        if k == "bit":
            return str(r.randint(0, (1 << self.n) - 1))
        if k == "date":
            return f"'{r.randint(1000, 9999):04}-{r.randint(1, 12):02}-{r.randint(1, 28):02}'"
        if k in ("datetime", "timestamp"):
            y = r.randint(1000, 9999) if k == "datetime" else r.randint(1971, 2037)
            f = self.fraction(r)
            return f"'{y:04}-{r.randint(1, 12):02}-{r.randint(1, 28):02} {r.randint(0, 23):02}:{r.randint(0, 59):02}:{r.randint(0, 59):02}{f}'"
        if k == "time":
            f = self.fraction(r)
            return f"'{r.choice(['', '-'])}{r.randint(0, 837):02}:{r.randint(0, 59):02}:{r.randint(0, 59):02}{f}'"
        if k == "year":
            return str(r.randint(1901, 2155))
        if k in ("char", "varchar") and self.key:
            return "'" + "".join(r.choice("abcdefghijkl") for _ in range(r.randint(0, min(self.n, 12)))) + "'"
        if k in ("char", "varchar"):
            return lit_text(r, self.n, self.ascii())
        if k in ("text", "longtext"):
            return lit_text(r, r.choice([5, 50, 3000]))
        if k in ("bin", "varbin"):
            return "x'" + bytes(r.randrange(256) for _ in range(r.randint(0, self.n))).hex() + "'"
        if k == "blob":
            return "x'" + bytes(r.randrange(256) for _ in range(r.choice([0, 3, 50, 1500]))).hex() + "'"
        if k == "json":
            return self.json(r)
        if k == "point":
            return f"ST_GeomFromText('POINT({r.randint(-90, 90)} {r.randint(-90, 90)})')"
        if k == "geom":
            if r.random() < 0.5:
                return f"ST_GeomFromText('LINESTRING({r.randint(0, 9)} 1, 2 {r.randint(0, 9)}, 5 5)')"
            return f"ST_GeomFromText('POLYGON((0 0, {r.randint(1, 9)} 0, 9 {r.randint(1, 9)}, 0 0))')"
        if k == "enum":
            return r.choice(["'a'", "'b'", "'C'"])
        if k == "set":
            return r.choice(["''", "'x'", "'x,z'", "'y,w'", "'z,x'"])
        raise AssertionError(k)

    def fraction(self, r):
        """Digits of a second, or none."""
        if not self.n or r.random() >= 0.8:
            return ""
        return "." + "".join(r.choice("0123456789") for _ in range(self.n))

    def json(self, r):
        def one(d):
            k = r.random()
            if k < 0.2:
                return str(r.randint(-1000, 1000))
            if k < 0.3:
                return str(r.randint(-1000, 1000) / 8)
            if k < 0.5:
                return '"' + r.choice(["a", "b c", "", "é", "日本", "x" * 60]) + '"'
            if k < 0.6:
                return r.choice(["true", "false", "null"])
            if d > 3:
                return "7"
            if k < 0.8:
                return "[" + ", ".join(one(d + 1) for _ in range(r.randint(0, 4))) + "]"
            return (
                "{"
                + ", ".join(
                    f'"{r.choice("abcdefgh")}{r.randint(0, 9)}": {one(d + 1)}' for _ in range(r.randint(0, 5))
                )
                + "}"
            )

        if r.random() < 0.05:
            return "'{" + ", ".join(f'"k{i}": {one(1)}' for i in range(r.randint(100, 400))) + "}'"
        return "'" + one(0) + "'"


class Table:
    def __init__(self, r, name):
        self.name = name
        self.columns = []
        self.count = 0
        self.indexes = 0
        keys = r.choice(
            [0, 1, 1, 1, 1, 2, 3]
        )  # keyless ones may be NULL: Dolt looks at the wrong column when it merges
        self.pk = []
        self.keys = []
        self.fixed = []
        for i in range(keys):
            c = Column(r, f"k{i}", key=True)
            while keys == 1 and c.kind in ("bit", "year", "enum", "set"):
                c = Column(r, f"k{i}", key=True)
            self.columns.append(c)
            self.pk.append(c.name)
        for _ in range(r.randint(1, 6)):
            self.columns.append(self.fresh(r))
        if not keys:
            self.columns = [c for c in self.columns if c.kind != "json"] or [Column(random.Random(1), "c1")]
            for c in self.columns:
                c.null = True
        if self.pk:
            r.shuffle(self.columns)

    def fresh(self, r):
        self.count += 1
        return Column(r, f"c{self.count}")

    def create(self, r):
        parts = [c.definition() for c in self.columns]
        if self.pk:
            parts.append("PRIMARY KEY (" + ", ".join(f"`{k}`" for k in self.pk) + ")")
        for _ in range(r.choice([0, 0, 1, 1, 2])):
            d = self.index(r)
            if d:
                parts.append(d)
        text = f"CREATE TABLE `{self.name}` (" + ", ".join(parts) + ")"
        if r.random() < 0.2:
            text += " COLLATE " + r.choice(COLLATIONS[:6])
        return text

    def index(self, r):
        fit = [
            c
            for c in self.columns
            if c.kind not in ("json", "point", "geom", "text", "blob")
            and c.n <= 255
            or c.kind in ("text", "blob")
            and self.pk
        ]
        if not fit:
            return None
        pick = r.sample(fit, min(len(fit), r.choice([1, 1, 2])))
        if sorted(c.name for c in pick) in [sorted(k) for k in self.keys]:
            return None  # Dolt cannot merge two over the same columns
        self.indexes += 1
        self.keys.append([c.name for c in pick])
        cols = ", ".join(
            f"`{c.name}`" + (f"({r.randint(1, 10)})" if c.kind in ("text", "blob", "longtext") else "")
            for c in pick
        )
        return (r.choice(["", "", "UNIQUE "]) if self.pk else "") + f"INDEX `i{self.indexes}` ({cols})"
