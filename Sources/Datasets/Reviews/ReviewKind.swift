/// A kind of thing that is reviewed: its subjects, and the aspects that fit it and no other kind.
struct ReviewKind: Sendable {
    let subjects: [String]
    /// Aspect to whether it is a plural.
    let aspects: [String: Bool]
    /// The aspects in the order of the list, so that a seed always makes the same text.
    let aspectNames: [String]

    /// - Parameter aspects: words; a `+` marks a plural.
    private init(_ subjects: String, _ aspects: String) {
        self.subjects = subjects.split(separator: " ").map(String.init)
        let names = aspects.split(separator: " ").map(String.init)
        aspectNames = names.map { $0.hasSuffix("+") ? String($0.dropLast()) : $0 }
        self.aspects = Dictionary(uniqueKeysWithValues: zip(aspectNames, names.map { $0.hasSuffix("+") }))
    }

    /// Whether each aspect of any kind is a plural.
    static let plurals = Dictionary(uniqueKeysWithValues: all.flatMap { $0.aspects.map { ($0.key, $0.value) } })
    static let ofSubject = Dictionary(
        uniqueKeysWithValues: all.flatMap { kind in kind.subjects.map { ($0, kind) } })

    static let all = [
        ReviewKind(
            """
            restaurant bistro diner pizzeria tavern steakhouse canteen brasserie eatery cafeteria grill \
            trattoria buffet bakery pub snackbar teahouse rotisserie noodlehouse creperie
            """,
            """
            soup bread menu waiter dessert steak sauces+ portions+ drinks+ noodles+ salad kitchen cheese gravy \
            pastry appetizers+ dumplings+ cutlery napkins+ chef
            """),
        ReviewKind(
            """
            hotel hostel motel inn resort lodge guesthouse chalet villa bungalow penthouse cottage homestay \
            aparthotel cabana boardinghouse manor castle farmhouse campsite
            """,
            """
            lobby bed balcony shower breakfast towels+ pillows+ rooms+ concierge carpet elevators+ view \
            curtains+ sheets+ bathtub minibar terrace housekeeping blankets+ corridor
            """),
        ReviewKind(
            """
            phone smartphone handset pager walkie-talkie headset earpiece tablet phablet smartwatch \
            communicator dialer intercom answerphone satphone payphone cellphone transceiver flipphone \
            videophone
            """,
            """
            screen battery speaker camera charger buttons+ ringtones+ contacts+ antenna signal icons+ casing \
            touchscreen microphone vibration flashlight wallpaper notifications+ messages+ touchpad
            """),
        ReviewKind(
            """
            laptop computer notebook desktop workstation server mainframe netbook terminal mainboard console \
            ultrabook microcomputer chromebook minicomputer homeserver palmtop thinclient cluster \
            supercomputer
            """,
            """
            keyboard display fan processor memory trackpad hinges+ ports+ drivers+ webcam keys+ cooling disk \
            chipset firmware backlight connectors+ bezel cables+ heatsink
            """),
        ReviewKind(
            """
            film movie documentary thriller comedy western drama cartoon sequel remake biopic musical \
            blockbuster melodrama trailer prequel horrorfilm mockumentary spoof miniseries
            """,
            """
            plot ending cast dialogue director scenes+ stunts+ jokes+ costumes+ lighting editing effects+ \
            script twist flashbacks+ camerawork villain hero subtitles+ finale
            """),
        ReviewKind(
            """
            novel book memoir biography anthology thesaurus textbook cookbook trilogy paperback hardcover \
            almanac novella encyclopedia diary autobiography atlas dictionary fairytale whodunit
            """,
            """
            prose cover chapters+ characters+ opening illustrations+ narrator footnotes+ binding typeface \
            pages+ preface index paragraphs+ epilogue vocabulary translation metaphors+ foreword blurb
            """),
        ReviewKind(
            """
            bicycle bike tricycle scooter tandem unicycle moped motorbike racer cruiser roadster minibike \
            handcycle pedicab velomobile fixie ebike dirtbike quadbike rickshaw
            """,
            """
            saddle frame chain brakes+ pedals+ wheels+ gears+ handlebar bell spokes+ fork paint kickstand \
            reflectors+ mudguards+ crank luggagerack sprocket axle grips+
            """),
        ReviewKind(
            """
            car sedan truck van minivan jeep convertible hatchback limousine taxi pickup coupe camper lorry \
            hearse ambulance buggy dragster icecreamvan firetruck
            """,
            """
            engine dashboard gearbox seats+ tyres+ mirrors+ trunk steering bumper headlights+ upholstery \
            clutch exhaust wipers+ windscreen horn glovebox radiator suspension airbags+
            """),
        ReviewKind(
            """
            concert opera recital festival symphony gig rehearsal choir orchestra quartet ballet serenade \
            oratorio operetta cantata jamboree matinee singalong requiem karaoke
            """,
            """
            singer stage acoustics+ violins+ drummer encore guitars+ conductor rhythm melodies+ chorus piano \
            trumpets+ harmony soloist overture lyrics+ cellos+ amplifiers+ flutes+
            """),
        ReviewKind(
            """
            museum gallery exhibition aquarium planetarium zoo observatory library archive pavilion arboretum \
            vivarium insectarium reptilehouse monument cathedral palace mausoleum biennale sculpturepark
            """,
            """
            guide tickets+ paintings+ sculptures+ labels+ entrance courtyard animals+ fossils+ audioguide hall \
            collection exhibits+ dome giftshop mosaics+ frescoes+ curator cloakroom manuscripts+
            """),
        ReviewKind(
            """
            jacket coat sweater shirt dress skirt blouse cardigan hoodie raincoat blazer tunic waistcoat \
            kimono parka poncho jumpsuit gown pullover anorak
            """,
            """
            zipper lining collar sleeves+ pockets+ stitching fabric hem cuffs+ colours+ hood seams+ \
            buttonholes+ waistband embroidery lapels+ pattern drawstring shoulders+ texture
            """),
        ReviewKind(
            """
            sofa armchair couch recliner bench stool wardrobe bookshelf mattress cupboard desk table sideboard \
            ottoman cabinet futon dresser nightstand footstool bunkbed
            """,
            """
            cushions+ legs+ leather backrest drawers+ springs+ varnish handles+ headrest corners+ surface \
            screws+ armrests+ veneer castors+ padding headboard joints+ slats+ woodwork
            """),
        ReviewKind(
            """
            airline flight ferry train coach tram shuttle metro cruise helicopter airship zeppelin hovercraft \
            monorail steamer funicular sleeper catamaran hydrofoil gondola
            """,
            """
            pilot cabin legroom luggage snacks+ announcements+ departure timetable crew windows+ boarding tray \
            steward aisle turbulence platform captain lavatory connections+ deck
            """),
        ReviewKind(
            """
            oven fridge toaster blender kettle dishwasher microwave freezer juicer mixer stove grinder \
            ricecooker fryer dehumidifier icemaker waffleiron breadmaker percolator pressurecooker
            """,
            """
            door thermostat timer shelves+ blades+ lid knobs+ plug filter racks+ heater switch gasket nozzle \
            crumbtray compressor spout hotplates+ motor driptray
            """),
        ReviewKind(
            """
            garden park playground orchard vineyard meadow greenhouse allotment lawn forest hedge maze arbor \
            rockery glade grove nursery conservatory patio churchyard
            """,
            """
            roses+ pond path fountain benches+ tulips+ grass gardener trees+ swings+ statue fence lilies+ \
            pergola compost flowerbeds+ sprinklers+ sundial shrubs+ orchids+
            """),
        ReviewKind(
            """
            game puzzle quiz chess cardgame arcade simulator shooter platformer racegame adventure lottery \
            boardgame dominoes solitaire roleplay pinball jigsaw crossword backgammon
            """,
            """
            rules+ levels+ soundtrack graphics+ tutorial controls+ story enemies+ multiplayer difficulty \
            puzzles+ interface dice pieces+ avatars+ scoreboard weapons+ quests+ achievements+ checkpoints+
            """),
        ReviewKind(
            """
            school university academy college kindergarten seminar workshop course lecture bootcamp tutoring \
            class masterclass webinar polytechnic apprenticeship internship conservatoire symposium \
            nightschool
            """,
            """
            teacher lessons+ homework classroom exams+ textbooks+ students+ schedule blackboard handouts+ \
            diploma principal curriculum grades+ professor exercises+ syllabus tutor assignments+ playtime
            """),
        ReviewKind(
            """
            gym spa sauna pool stadium arena dojo studio rink velodrome court racetrack bowlingalley waterpark \
            hammam skatepark climbinghall boxingclub golfclub trampolinepark
            """,
            """
            trainer lockers+ treadmill steam water weights+ showers+ mats+ ventilation instructor benchpress \
            reception dumbbells+ changingrooms+ whirlpool coachteam scoreboards+ floor bleachers+ masseur
            """),
        ReviewKind(
            """
            bank insurer brokerage creditunion pawnshop lender accountant auditor notary lawyer consultant \
            agency pensionfund mortgage loan savingsplan creditcard hedgefund broker trustee
            """,
            """
            fees+ paperwork contract advisor interest statements+ hotline counter forms+ website invoices+ \
            deadlines+ appointments+ signatures+ rates+ clerk receipts+ vault balance transfers+
            """),
        ReviewKind(
            """
            hospital clinic dentist surgery pharmacy optician hospice sanatorium physiotherapist vet \
            orthodontist maternity infirmary chiropractor podiatrist pediatrician dermatologist psychologist \
            acupuncturist outpatients
            """,
            """
            nurses+ doctor waitingroom diagnosis treatment medicine bandages+ prescriptions+ surgeon x-rays+ \
            ward stretcher examination receptionist vaccines+ anaesthetic gloves+ stethoscope recovery therapy
            """),
        ReviewKind(
            """
            supermarket boutique mall bookstore grocery florist butcher fishmonger kiosk market bazaar \
            delicatessen hardwarestore toyshop outlet drugstore jeweller perfumery greengrocer stationer
            """,
            """
            shelving cashier trolleys+ discounts+ vegetables+ checkout bags+ parking displays+ prices+ \
            vouchers+ aisles+ baskets+ assortment packaging refunds+ scales+ fruit escalator storefront
            """),
        ReviewKind(
            """
            house apartment flat condo loft mansion townhouse duplex basement attic maisonette bedsit \
            farmstead ranch treehouse houseboat igloo barn shed garage
            """,
            """
            roof chimney staircase walls+ ceiling plumbing doorbell driveway insulation gutters+ fireplace \
            wiring skylight cellar porch floorboards+ tiles+ radiators+ mailbox landlord
            """),
        ReviewKind(
            """
            cake pie cookie muffin brownie pudding donut pancake tart cheesecake croissant strudel eclair \
            macaron biscuit trifle sundae waffle gingerbread cupcake
            """,
            """
            crust icing filling cream sprinkles+ dough sponge cherries+ chocolate topping layers+ nuts+ \
            custard aroma crumbs+ raisins+ cinnamon syrup marzipan sweetness
            """),
        ReviewKind(
            """
            guitar violin trumpet flute drum banjo ukulele harp saxophone clarinet accordion harmonica \
            mandolin trombone oboe xylophone cello keytar bagpipe tambourine
            """,
            """
            strings+ tone fretboard tuning case mouthpiece bow reed bridge pegs+ resonance timbre valves+ \
            strap finish bellows drumsticks+ pitch neck soundhole
            """),
        ReviewKind(
            """
            newspaper magazine blog podcast newsletter tabloid broadcast radio channel talkshow gazette \
            webcast column journal bulletin newscast weekly forum vlog pamphlet
            """,
            """
            headlines+ articles+ host interviews+ adverts+ photographs+ editor crosswords+ layout reporters+ \
            opinions+ cartoons+ forecasts+ subscription archives+ comments+ gossip captions+ obituaries+ \
            jingle
            """),
        ReviewKind(
            """
            tent backpack sleepingbag kayak canoe lantern compass raft snowboard surfboard paraglider toboggan \
            telescope binocularsset hammock fishingrod sled skateboard windsurfer parachute
            """,
            """
            poles+ straps+ buckles+ waterproofing stakes+ weight paddle lens harness grip stitches+ \
            groundsheet ropes+ tripod rucksack fastenings+ stability durability manual toolkit
            """),
        ReviewKind(
            """
            hammer drill saw screwdriver wrench chisel sander lathe chainsaw crowbar ladder wheelbarrow \
            lawnmower anvil pliersset jackhammer trowel nailgun spanner hacksaw
            """,
            """
            bladeguard chuck teeth+ nails+ bolts+ trigger torque sawdust hilt rungs+ vise clamps+ sparkplug \
            toolbox drillbits+ sharpness rivets+ ratchet spindle safetycatch
            """),
        ReviewKind(
            """
            shampoo perfume lipstick soap lotion mascara deodorant conditioner toothpaste sunscreen \
            moisturizer hairspray aftershave eyeliner foundation nailpolish serum cologne facecream bodywash
            """,
            """
            scent bottle foam ingredients+ applicator brush bristles+ pigment aftertaste fragrance tube \
            dispenser cap stickers+ consistency gloss shine bubbles+ extracts+ residue
            """),
        ReviewKind(
            """
            ring necklace bracelet watch brooch earring pendant tiara locket anklet cufflink wristwatch \
            pocketwatch chronograph medallion amulet tiepin choker crown signet
            """,
            """
            diamonds+ clasp gold silver dial engraving pearls+ gemstones+ bezelrim hands+ wristband enamel \
            links+ stopwatch sapphires+ plating hallmark hook crystal rubies+
            """),
        ReviewKind(
            """
            browser app spreadsheet webmail searchengine compiler database chatbot firewall antivirus wiki \
            plugin emulator calendar messenger marketplace scheduler debugger wallet dashboardsuite
            """,
            """
            menus+ shortcuts+ documentation updates+ toolbar login passwords+ bookmarks+ filters+ templates+ \
            syntax installer uploads+ popups+ sidebar encryption macros+ sync backups+ changelog
            """),
    ]
}
