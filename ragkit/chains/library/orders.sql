-- The order database of the example chain `support`. orders.sqlite is made from this file:
-- python -c "import sqlite3; sqlite3.connect('orders.sqlite').executescript(open('orders.sql').read())"
CREATE TABLE orders (
    id TEXT PRIMARY KEY,
    customer TEXT NOT NULL,
    ordered_on TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('open', 'shipped', 'delivered', 'cancelled')),
    carrier TEXT,
    shipped_on TEXT,
    delivered_on TEXT
) STRICT;
CREATE TABLE items (
    order_id TEXT NOT NULL REFERENCES orders (id),
    number TEXT NOT NULL,
    product TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    PRIMARY KEY (order_id, number)
) STRICT;
INSERT INTO orders VALUES
    ('SO-10471', 'Waterworks Elbe', '2026-02-16', 'delivered', 'DHL', '2026-02-18', '2026-02-19'),
    ('SO-10482', 'Fjord Aquaculture', '2026-02-23', 'shipped', 'UPS', '2026-02-26', NULL),
    ('SO-10495', 'School of Hydrology', '2026-03-02', 'open', NULL, NULL, NULL),
    ('SO-10503', 'Waterworks Elbe', '2026-03-04', 'cancelled', NULL, NULL, NULL);
INSERT INTO items VALUES
    ('SO-10471', 'AQ-W2', 'Aquila W2 meter', 2),
    ('SO-10471', 'HP-201', 'pH probe with gel electrolyte', 2),
    ('SO-10482', 'HP-305', 'Turbidity probe', 1),
    ('SO-10495', 'AQ-W2P', 'Aquila W2 Pro meter', 6),
    ('SO-10503', 'HR-704', 'Buffer set pH 4 and 7 and 10', 10);
