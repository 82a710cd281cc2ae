import Foundation
import Preferences
import Testing

/// What independent packages say of random votes: scripts/fixtures/make_preference_fixtures.py.
struct Reference: Decodable {
    struct BradleyTerry: Decodable { var ratings: [Double]; var errors: [Double]; var modelErrors: [Double] }
    struct Davidson: Decodable { var ratings: [Double]; var nu: Double }
    struct Style: Decodable { var ratings: [Double]; var coefficients: [Double] }
    struct Decisive: Decodable { var choix: [Double]; var evalica: [Double] }
    struct DawidSkene: Decodable { var first: [Double]; var second: [Double]; var prior: [Double] }

    var seed: UInt64
    var bradleyTerry: BradleyTerry
    var davidson: Davidson
    var style: Style
    var decisive: Decisive
    var elo: [Double]
    var alpha: [String: Double]
    var kappa: Double
    var dawidSkene: DawidSkene

    static func load() throws -> Reference {
        let file = try #require(Bundle.module.url(forResource: "Fixtures", withExtension: nil))
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Reference.self, from: Data(contentsOf: file.appending(path: "reference.json")))
    }

    /// The 10,000 battles of 20 items that the script draws: wins, ties and soft votes on 200 prompts, with two features.
    func battles() -> BattleTable {
        let (items, prompts) = (20, 200)
        var random = SplitMix(seed)
        let truth = (0..<items).map { _ in random.normal() }
        let battles = (0..<10_000).map { _ in
            let left = random.below(items)
            let right = (left + 1 + random.below(items - 1)) % items
            let prompt = random.below(prompts)
            let features = [random.normal(), random.normal()]
            let p = Logistic.sigma(truth[left] - truth[right] + 0.3 * features[0])
            let (kind, draw) = (random.uniform(), random.uniform())
            let score = kind < 0.15 ? 0.5 : kind < 0.25 ? draw : draw < p ? 1 : 0
            return Battle(
                left: left, right: right, score: score, isTie: kind < 0.15, cluster: prompt, features: features)
        }
        return BattleTable(items: (0..<items).map { "\($0)" }, clusters: prompts, battles: battles)
    }
}

/// The largest distance between two lists.
func distance(_ a: [Double], _ b: [Double]) -> Double {
    a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? 0 : .infinity
}

extension BattleTable {
    /// Counted wins: (left, right, wins of left, wins of right, ties), a prompt each.
    init(_ names: [String], counts: [(Int, Int, Int, Int, Int)]) {
        var battles: [Battle] = []
        for (left, right, wins, losses, ties) in counts {
            for (score, count) in [(1.0, wins), (0, losses), (0.5, ties)] {
                for _ in 0..<count {
                    battles.append(
                        Battle(left: left, right: right, score: score, isTie: score == 0.5, cluster: battles.count))
                }
            }
        }
        self.init(items: names, clusters: battles.count, battles: battles)
    }
}
