"""Short texts such as stand on signs, receipts and tickets, each with a question whose answer is literally in it.

Everything is drawn from the lists below by a seeded generator. Each list has two halves that share no entry, one to train
on and one to test with: a model that was trained on the one has not seen the content of the other.
"""
from dataclasses import dataclass


@dataclass
class Sample:
    kind: str
    rows: list  # each a list of cells, from left to right; the first row is the title
    question: str
    answer: str

    @property
    def lines(self):
        return [" ".join(row) for row in self.rows]


DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December"]

LISTS = {
    "first": """Anna Boris Clara Daniel Elena Felix Greta Henry Irene Jonas Karen Lukas Maria Nils Olivia Peter Rita
        Simon Teresa Victor Alice Bruno Carmen Dennis Edith Frank Gloria Hans Isabel James Kevin Laura Martin Nora Oscar
        Paula Robert Sara Thomas Ursula Adam Bella Colin Diana Eric Fiona George Helen Ivan Julia Keith Linda Michael Nina
        Otto Patricia Ralph Susan Tom Wendy""".split(),
    "last": """Adler Bennett Carter Dietrich Evans Fischer Garcia Hoffman Ingram Jensen Keller Lambert Moreau Novak Olsen
        Parker Quinn Rossi Santos Turner Underwood Vogel Walker Young Zimmer Archer Baker Collins Dawson Ellis Foster Grant
        Harper Irving Jordan Knight Larsen Mason Nolan Owens Porter Reed Sutton Taylor Vance Weber Abbott Barnes Cohen
        Drake Engel Floyd Graham Hayes Jacobs Kramer Lopez Meyer Nash Palmer""".split(),
    "dish": """tea|coffee|lemonade|apple juice|hot chocolate|mineral water|orange juice|milkshake|espresso|iced tea|tomato
        soup|onion soup|green salad|potato salad|cheese sandwich|ham sandwich|club sandwich|mushroom omelette|fried
        eggs|pancakes|waffles|apple pie|carrot cake|cheesecake|chocolate cake|ice cream|fruit salad|rice pudding|grilled
        salmon|fish and chips|roast chicken|chicken wings|beef burger|veggie burger|lentil soup|bean chili|spaghetti|lasagne|
        mushroom pizza|garlic bread|french fries|baked potato|spring rolls|fried rice|noodle soup|lamb curry|vegetable
        curry|falafel wrap|tuna salad|pea soup|hot dog|pretzel|croissant|muffin|blueberry scone|banana bread|peach
        tart|plum cake|walnut cookie|lemon tart""",
    "goods": """milk|butter|white bread|brown rice|eggs|flour|sugar|honey|olive oil|sea salt|black pepper|tomatoes|potatoes|
        carrots|onions|apples|bananas|grapes|yogurt|cream|cheddar|sausages|bacon|chicken|soap|shampoo|toothpaste|paper
        towels|light bulb|batteries|notebook|pencils|eraser|scissors|glue stick|envelopes|candle|matches|dish brush|sponge|
        socks|gloves|scarf|umbrella|key ring|postcard|magazine|newspaper|screwdriver|hammer|nails|paint brush|garden
        hose|flower pot|seeds|plant food|dog food|cat litter|bird seed|fish food""",
    "product": """strawberry jam|peanut butter|oat flakes|corn flakes|tomato ketchup|mild mustard|green olives|black
        beans|sweet corn|chicken broth|coconut milk|maple syrup|apple vinegar|dried figs|roasted almonds|cashew nuts|rye
        crackers|dark chocolate|mint candy|herbal tea|ground coffee|basmati rice|egg noodles|wheat flour|baking
        powder|vanilla sugar|cinnamon|paprika|hand cream|sun lotion|cough syrup|vitamin tablets|wood glue|wall paint|floor
        wax|silver polish|liquid soap|bath salt|lip balm|foot powder""",
    "brand": """Sunfield Oakhill Bluestone Riverton Goldleaf Fairmont Northstar Silverbrook Greenway Redwood Maplewood
        Hillcrest Brightwater Kingsley Lakeview Morning Ashford Westbury Summerset Highland Clearview Stonebridge Windmill
        Harborside Rosewood Winterfell Eastgate Valleybest Meadowlark Ironwood""".split(),
    "shop": """Bakery|Cafe|Bistro|Market|Deli|Grocery|Kitchen|Tea House|Diner|Snack Bar|Corner Shop|Pantry|Food
        Store|Coffee House|Canteen|Grill|Tavern|Lunch Room|Mini Market|Farm Shop""",
    "place": """Library|Museum|Post Office|Pharmacy|Swimming Pool|Town Hall|Art Gallery|Zoo|Dental Clinic|Bank|Book
        Shop|Hair Salon|Garden Centre|Ticket Office|Fitness Club|Information Desk|Repair Shop|Toy Store|Shoe Shop|Flower
        Shop|Tourist Office|Ice Rink|Visitor Centre|Car Wash""",
    "city": """Lisbon Madrid Vienna Prague Warsaw Athens Dublin Oslo Helsinki Zurich Geneva Milan Naples Venice Munich
        Hamburg Cologne Leipzig Lyon Marseille Nantes Bordeaux Porto Seville Valencia Bilbao Turin Verona Salzburg Graz
        Krakow Gdansk Budapest Zagreb Sofia Bucharest Riga Vilnius Tallinn Bergen Malmo Aarhus Antwerp Ghent Utrecht
        Rotterdam Leeds Bristol Oxford Glasgow Boston Denver Austin Dallas Chicago Seattle Portland Phoenix Toronto
        Montreal""".split(),
    "country": """Italy Spain France Greece Turkey Chile Peru Brazil Mexico Canada India China Japan Vietnam Thailand
        Kenya Morocco Egypt Portugal Poland Austria Norway Sweden Denmark""".split(),
    "street": """Main|Church|Park|Mill|Station|High|Garden|River|School|Bridge|Castle|Forest|Lake|Market|Meadow|Orchard|
        Harbour|Chapel|Elm|Oak|Maple|Cedar|Willow|Birch|Victoria|Albert|Queen|King|North|South""",
    "event": """Jazz Night|Book Fair|Wine Tasting|Flea Market|Chess Tournament|Dance Class|Photo Exhibition|Open
        Day|Summer Concert|Film Festival|Garden Show|Poetry Reading|Charity Run|Cooking Course|Puppet Theatre|Quiz
        Night|Craft Fair|Choir Concert|Science Lecture|Yoga Class|Harvest Festival|Car Show|Piano Recital|Comedy
        Evening|Folk Festival|Pottery Course|Bicycle Race|Magic Show|Swap Meet|Opera Gala""",
    "job": """Architect|Dentist|Plumber|Photographer|Lawyer|Electrician|Translator|Gardener|Carpenter|Accountant|
        Optician|Tailor|Designer|Engineer|Journalist|Librarian|Florist|Veterinarian|Painter|Mechanic|Consultant|Locksmith|
        Piano Teacher|Sales Manager|Tax Adviser|Head Nurse""",
    "facility": """elevator|parking garage|swimming pool|playground|main entrance|cafeteria|library|footbridge|tennis
        court|sauna|car park|reading room|beach|north exit|gym|ice rink|kitchen|laundry room|roof terrace|boat
        rental""",
    "reason": """repairs|cleaning|a private event|renovation|maintenance|bad weather|inspection|staff training|the
        holidays|construction""",
}


class Words:
    """The words of one half, drawn by `rng`."""

    def __init__(self, rng, split):
        self.rng = rng
        half = {"train": 0, "test": 1}[split]
        self.lists = {}
        for name, words in LISTS.items():
            if isinstance(words, str):
                words = [" ".join(word.split()) for word in words.split("|")]
            self.lists[name] = words[half::2]

    def one(self, name):
        return self.rng.choice(self.lists[name])

    def some(self, name, low, high):
        return self.rng.sample(self.lists[name], self.rng.randint(low, min(high, len(self.lists[name]))))

    def person(self):
        return f"{self.one('first')} {self.one('last')}"

    def date(self):
        day, month, year = self.rng.randint(1, 28), self.rng.randint(1, 12), self.rng.randint(2021, 2029)
        return self.rng.choice([f"{day} {MONTHS[month - 1]} {year}", f"{MONTHS[month - 1]} {day}",
                                f"{day:02}.{month:02}.{year}", f"{year}-{month:02}-{day:02}"])

    def time(self, low=6, high=22):
        return f"{self.rng.randint(low, high)}:{self.rng.choice(range(0, 60, 5)):02}"

    def phone(self):
        return f"{self.rng.randint(200, 989)}-{self.rng.randint(200, 989)}-{self.rng.randint(1000, 9989)}"


def money(rng):
    """A way to write prices, the same all over one picture."""
    return rng.choice(["${}", "${}", "{} EUR", "GBP {}"]).format


def cents(amount):
    return f"{amount // 100}.{amount % 100:02}"


def priced(words, name, low, high, step=5):
    """Different things with different prices, in cents."""
    things = words.some(name, low, high)
    return list(zip(things, words.rng.sample(range(60, 1990, step), len(things))))


def prices(w):
    title, write = f"{w.one('brand')} {w.one('shop')}", money(w.rng)
    menu = [(dish.capitalize() if w.rng.random() < 0.8 else dish.upper(), write(cents(price)))
            for dish, price in priced(w, "dish", 3, 7, 10)]
    dish, price = w.rng.choice(menu)
    low = dish.lower()
    verb, does = ("are", "do") if low.endswith("s") else ("is", "does")
    asked = [(f"How much {verb} the {low}?", price), (f"What {does} the {low} cost?", price),
             (f"What is the price of the {low}?", price), (f"Which item costs {price}?", dish),
             ("What is the name of this place?", title)]
    return [[title], *map(list, menu)], asked, [4, 4, 4, 3, 1]


def receipt(w):
    title, write, number = f"{w.one('brand')} {w.one('shop')}", money(w.rng), str(w.rng.randint(1000, 9999))
    bought = priced(w, "goods", 2, 5)
    total, date, paid = write(cents(sum(price for _, price in bought))), w.date(), w.rng.choice(["Card", "Cash"])
    thing, price = w.rng.choice(bought)
    rows = [[title], [f"{w.rng.randint(1, 99)} {w.one('street')} Street"], [f"Receipt {number}"], ["Date", date],
            *([thing.capitalize(), write(cents(price))] for thing, price in bought), ["Total", total],
            ["Paid by", paid], ["Thank you!"]]
    asked = [("What is the total?", total), ("How much was paid in total?", total),
             (f"How much did the {thing} cost?", write(cents(price))), ("What is the date of this receipt?", date),
             ("What is the receipt number?", number), ("Which shop is this receipt from?", title)]
    return rows, asked, [3, 3, 4, 2, 2, 2]


def label(w):
    brand, product, country, date = w.one("brand"), w.one("product").title(), w.one("country"), w.date()
    weight = w.rng.choice([f"{w.rng.randint(2, 39) * 25} g", f"{w.rng.randint(1, 19) * 50} ml", f"{w.rng.randint(2, 9)} kg"])
    code = f"L{w.rng.randint(1000, 9999)}"
    rows = [[brand], [product], ["Net weight", weight], ["Best before", date], ["Lot", code], [f"Product of {country}"]]
    if w.rng.random() < 0.5:
        rows.append(["Keep in a cool, dry place"])
    asked = [("What is the net weight?", weight), ("What is the best before date?", date), ("What is the brand?", brand),
             ("Which country is it from?", country), ("What product is this?", product), ("What is the lot number?", code)]
    return rows, asked, [3, 3, 2, 2, 2, 2]


def hours(w):
    place, phone = w.one("place"), w.phone()
    closed = w.rng.randrange(7)
    rows, asked, weights = [[place], ["Opening hours"]], [], []
    for index, day in enumerate(DAYS):
        if index == closed:
            rows.append([day, "closed"])
            continue
        opens, closes = f"{w.rng.randint(7, 11)}:{w.rng.choice(['00', '30'])}", f"{w.rng.randint(13, 22)}:{w.rng.choice(['00', '30'])}"
        rows.append([day, f"{opens} - {closes}"])
        asked += [(f"What time does it open on {day}?", opens), (f"What time does it close on {day}?", closes)]
        weights += [1, 1]
    rows.append([f"Phone {phone}"])
    asked += [("On which day is it closed?", DAYS[closed]), ("What is the phone number?", phone)]
    return rows, asked, weights + [3, 2]


def timetable(w):
    vehicle, mark = w.rng.choice([("train", "Platform"), ("bus", "Stop"), ("ferry", "Pier"), ("flight", "Gate")])
    cities = w.some("city", 3, 6)
    times = sorted(w.rng.sample(range(5 * 12, 23 * 12), len(cities)))
    places = w.rng.sample(range(1, 30), len(cities))
    rows, station = [[f"{w.one('street')} Station"], ["Time", "To", mark]], w.rng.randrange(len(cities))
    for city, time, place in zip(cities, times, places):
        rows.append([f"{time // 12}:{time % 12 * 5:02}", city, str(place)])
    time, city, place = rows[2 + station]
    asked = [(f"When does the {vehicle} to {city} leave?", time), (f"Where does the {time} {vehicle} go?", city),
             (f"Which {mark.lower()} does the {vehicle} to {city} leave from?", place)]
    return rows, asked, [3, 2, 2]


def ticket(w):
    (start, end), name, date = w.rng.sample(w.lists["city"], 2), w.person(), w.date()
    gate, seat = f"{w.rng.choice('ABCDEF')}{w.rng.randint(1, 48)}", f"{w.rng.randint(1, 39)}{w.rng.choice('ABCDEF')}"
    boarding, flight = w.time(), f"{w.rng.choice(['LX', 'KL', 'BA', 'TP', 'SK'])} {w.rng.randint(100, 989)}"
    rows = [["Boarding pass"], ["Passenger", name], ["Flight", flight], ["From", start], ["To", end], ["Date", date],
            ["Gate", gate], ["Seat", seat], ["Boarding", boarding]]
    asked = [("Which gate?", gate), ("What is the seat number?", seat), ("Who is the passenger?", name),
             ("What is the destination?", end), ("What is the flight number?", flight), ("When is boarding?", boarding),
             ("Where does the flight start?", start), ("What is the date of the flight?", date)]
    return rows, asked, [2, 2, 2, 2, 1, 2, 1, 1]


def poster(w):
    event, place, time, write = w.one("event"), w.one("place"), w.time(10, 21), money(w.rng)
    day, host = w.rng.choice(DAYS), w.person()
    price = write(cents(w.rng.randint(2, 40) * 50))
    date = f"{day}, {w.rng.randint(1, 28)} {w.rng.choice(MONTHS)}"
    rows = [[event], [f"with {host}"], [date], [f"{time} at the {place}"], ["Admission", price]]
    asked = [(f"When is the {event.lower()}?", date), ("What time does it start?", time),
             ("Where does it take place?", place), ("How much is the admission?", price), ("What is the event?", event),
             ("On which day of the week is it?", day)]
    return rows, asked, [2, 2, 2, 3, 1, 1]


def sign(w):
    shape = w.rng.randrange(3)
    if shape == 0:
        cities = w.some("city", 2, 4)
        rows = [[city, f"{distance} km"] for city, distance in zip(cities, w.rng.sample(range(2, 400), len(cities)))]
        city, far = w.rng.choice(rows)
        return rows, [(f"How far is it to {city}?", far), (f"Which city is {far} away?", city)], [2, 1]
    if shape == 1:
        what, why, date = w.one("facility"), w.one("reason"), w.date()
        rows = [["Notice"], [f"The {what} is closed"], [f"due to {why}"], [f"until {date}"]]
        return rows, [(f"Until when is the {what} closed?", date), ("What is closed?", what),
                      (f"Why is the {what} closed?", why)], [2, 1, 1]
    room, name, job = str(w.rng.randint(100, 499)), w.person(), w.one("job")
    rows = [[f"Room {room}"], [name], [job], ["Please knock"]]
    return rows, [("What is the room number?", room), (f"Who works in room {room}?", name),
                  (f"What is the profession of {name}?", job)], [1, 1, 1]


def card(w):
    name, job, phone, number = w.person(), w.one("job"), w.phone(), str(w.rng.randint(1, 199))
    street, city, firm = w.one("street"), w.one("city"), f"{w.one('brand')} {w.rng.choice(['Ltd.', 'Group', 'Partners', 'Studio'])}"
    mail = f"{name.split()[0].lower()}@{firm.split()[0].lower()}.com"
    rows = [[firm], [name], [job], [f"{number} {street} Street"], [city], [f"Tel. {phone}"], [mail]]
    asked = [("What is the phone number?", phone), (f"What is the job of {name}?", job), ("Whose card is this?", name),
             ("What is the name of the company?", firm), ("In which city is the company?", city),
             ("What is the email address?", mail)]
    return rows, asked, [2, 2, 2, 2, 2, 1]


KINDS = {make.__name__: make for make in [prices, receipt, label, hours, timetable, ticket, poster, sign, card]}


def sample(rng, split, kind=None):
    """One sample; `kind` is drawn if not given. The answer stands in one of the lines, word for word."""
    kind = kind or rng.choice(list(KINDS))
    rows, asked, weights = KINDS[kind](Words(rng, split))
    question, answer = rng.choices(asked, weights)[0]
    made = Sample(kind, rows, question, answer)
    assert any(answer in line for line in made.lines), made
    return made
