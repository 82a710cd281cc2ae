/// The words of the reviews. A kind of thing has subjects and the aspects that fit it; a `+` marks a plural.
enum ReviewWords {
    struct Kind: Sendable {
        let subjects: [String]
        /// Without the `+`.
        let aspects: [String: Bool]
        let aspectNames: [String]

        init(_ subjects: String, _ aspects: String) {
            self.subjects = subjects.split(separator: " ").map(String.init)
            let names = aspects.split(separator: " ").map(String.init)
            aspectNames = names.map { $0.hasSuffix("+") ? String($0.dropLast()) : $0 }
            self.aspects = Dictionary(
                zip(aspectNames, names.map { $0.hasSuffix("+") }), uniquingKeysWith: { first, _ in first })
        }
    }

    static let kinds = [
        Kind(
            "restaurant bistro diner pizzeria tavern steakhouse canteen brasserie eatery cafeteria grill trattoria",
            "soup bread menu waiter dessert steak sauces+ portions+ drinks+ noodles+ salad kitchen"),
        Kind(
            "hotel hostel motel inn resort lodge guesthouse chalet villa bungalow penthouse cottage",
            "lobby bed balcony shower breakfast towels+ pillows+ rooms+ concierge carpet elevators+ view"),
        Kind(
            "phone smartphone handset pager walkie-talkie headset earpiece tablet phablet smartwatch communicator dialer",
            "screen battery speaker camera charger buttons+ ringtones+ contacts+ antenna signal icons+ casing"),
        Kind(
            "laptop computer notebook desktop workstation server mainframe netbook terminal mainboard console ultrabook",
            "keyboard display fan processor memory trackpad hinges+ ports+ drivers+ webcam keys+ cooling"),
        Kind(
            "film movie documentary thriller comedy western drama cartoon sequel remake biopic musical",
            "plot ending cast dialogue director scenes+ stunts+ jokes+ costumes+ lighting editing effects+"),
        Kind(
            "novel book memoir biography anthology thesaurus textbook cookbook trilogy paperback hardcover almanac",
            "prose cover chapters+ characters+ opening illustrations+ narrator footnotes+ binding typeface pages+ preface"
        ),
        Kind(
            "bicycle bike tricycle scooter tandem unicycle moped motorbike racer cruiser roadster minibike",
            "saddle frame chain brakes+ pedals+ wheels+ gears+ handlebar bell spokes+ fork paint"),
        Kind(
            "car sedan truck van minivan jeep convertible hatchback limousine taxi pickup coupe",
            "engine dashboard gearbox seats+ tyres+ mirrors+ trunk steering bumper headlights+ upholstery clutch"),
        Kind(
            "concert opera recital festival symphony gig rehearsal choir orchestra quartet ballet serenade",
            "singer stage acoustics+ violins+ drummer encore guitars+ conductor rhythm melodies+ chorus piano"),
        Kind(
            "museum gallery exhibition aquarium planetarium zoo observatory library archive pavilion arboretum vivarium",
            "guide tickets+ paintings+ sculptures+ labels+ entrance courtyard animals+ fossils+ audioguide hall collection"
        ),
        Kind(
            "jacket coat sweater shirt dress skirt blouse cardigan hoodie raincoat blazer tunic",
            "zipper lining collar sleeves+ pockets+ stitching fabric hem cuffs+ colours+ hood seams+"),
        Kind(
            "sofa armchair couch recliner bench stool wardrobe bookshelf mattress cupboard desk table",
            "cushions+ legs+ leather backrest drawers+ springs+ varnish handles+ headrest corners+ surface screws+"),
        Kind(
            "airline flight ferry train coach tram shuttle metro cruise helicopter airship zeppelin",
            "pilot cabin legroom luggage snacks+ announcements+ departure timetable crew windows+ boarding tray"),
        Kind(
            "oven fridge toaster blender kettle dishwasher microwave freezer juicer mixer stove grinder",
            "door thermostat timer shelves+ blades+ lid knobs+ plug filter racks+ heater switch"),
        Kind(
            "garden park playground orchard vineyard meadow greenhouse allotment lawn forest hedge maze",
            "roses+ pond path fountain benches+ tulips+ grass gardener trees+ swings+ statue fence"),
        Kind(
            "game puzzle quiz chess cardgame arcade simulator shooter platformer racegame adventure lottery",
            "rules+ levels+ soundtrack graphics+ tutorial controls+ story enemies+ multiplayer difficulty puzzles+ interface"
        ),
        Kind(
            "school university academy college kindergarten seminar workshop course lecture bootcamp tutoring class",
            "teacher lessons+ homework classroom exams+ library_desk students+ schedule blackboard lectures+ diploma principal"
        ),
        Kind(
            "gym spa sauna pool stadium arena dojo studio rink velodrome court racetrack",
            "trainer lockers+ treadmill steam water weights+ showers+ mats+ ventilation coach_desk benchpress reception"
        ),
    ]

    static let good =
        "excellent wonderful superb delightful charming splendid impressive lovely fantastic marvellous reliable elegant brilliant pleasant remarkable refreshing outstanding flawless magnificent satisfying inviting thoughtful graceful admirable tidy sturdy generous polished terrific enjoyable"
        .split(separator: " ").map(String.init)
    static let bad =
        "terrible awful dreadful dull clumsy shabby disappointing horrible ugly broken careless miserable flimsy tedious unpleasant mediocre wobbly filthy annoying useless boring lousy frustrating sloppy hideous outdated worthless chaotic fragile grim"
        .split(separator: " ").map(String.init)
    static let adverbs =
        "really truly quite rather simply surprisingly very clearly always often utterly genuinely honestly certainly frankly"
        .split(separator: " ").map(String.init)
    static let praise = "love recommend adore enjoy praise admire treasure appreciate".split(separator: " ").map(
        String.init)
    static let blame = "hate regret dislike despise resent avoid detest loathe".split(separator: " ").map(String.init)
}
