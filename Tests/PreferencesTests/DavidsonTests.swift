import Foundation
import Preferences
import Testing

@Suite struct DavidsonTests {
    /// Davidson 1970, example 2: six brands of pudding; brand, brand, preferences for each, ties.
    private static let puddings: [(Int, Int, Int, Int, Int)] = [
        (1, 2, 19, 22, 16), (1, 3, 16, 19, 12), (2, 3, 19, 19, 10), (1, 4, 18, 23, 13), (2, 4, 23, 19, 9),
        (3, 4, 19, 20, 15), (1, 5, 13, 19, 18), (2, 5, 16, 20, 12), (3, 5, 16, 15, 17), (4, 5, 17, 14, 16),
        (1, 6, 18, 21, 12), (2, 6, 22, 20, 12), (3, 6, 13, 18, 10), (4, 6, 14, 19, 18), (5, 6, 11, 21, 12),
    ]
    private static var table: BattleTable {
        BattleTable(
            (1...6).map { "brand \($0)" }, counts: puddings.map { ($0.0 - 1, $0.1 - 1, $0.2, $0.3, $0.4) })
    }

    private func shares(_ ratings: [Double]) -> [Double] {
        let sum = ratings.reduce(0) { $0 + exp($1) }
        return ratings.map { exp($0) / sum }
    }

    @Test func puddingsHaveDavidsonsValues() throws {
        let fit = try #require(Davidson(Self.table, among: Array(0..<6)))
        let published = [0.13880, 0.17300, 0.16175, 0.16537, 0.15869, 0.20239]
        #expect(distance(shares(fit.ratings), published) < 1e-5)
        #expect(abs(fit.nu - 0.74682) < 5e-6 && abs(-fit.logLikelihood - 809.7095) < 5e-5)
    }

    @Test func halfTiesAreAnotherScale() throws {
        let fit = try #require(BradleyTerry(Self.table, among: Array(0..<6)))
        #expect(distance(shares(fit.ratings), [0.14607, 0.17147, 0.16328, 0.16594, 0.16102, 0.19221]) < 1e-5)
    }

    @Test func tenThousandRandomBattlesAreRatedAsByADirectMinimisation() throws {
        let reference = try Reference.load()
        let fit = try #require(Davidson(reference.battles(), among: Array(0..<20)))
        #expect(distance(fit.ratings, reference.davidson.ratings) < 1e-3)
        #expect(abs(fit.nu - reference.davidson.nu) < 1e-3)
    }

    /// B never wins: with half ties it has a rating, with ties of their own it has none.
    @Test func aTieAloneIsNotEnough() throws {
        let table = BattleTable(["A", "B"], counts: [(0, 1, 2, 0, 1)])
        #expect(BradleyTerry(table, among: [0, 1]) != nil)
        #expect(Davidson(table, among: [0, 1]) == nil)
        let both = BattleTable(["A", "B"], counts: [(0, 1, 2, 1, 1)])
        let fit = try #require(Davidson(both, among: [0, 1]))
        // Two parameters for three outcomes of one pair fit exactly.
        #expect(abs(fit.ratings[0] - fit.ratings[1] - log(2)) < 1e-9)
        #expect(abs(fit.nu - 1 / 2.0.squareRoot()) < 1e-9)
    }

    @Test func withoutTiesThereIsNothingToFit() {
        #expect(Davidson(BattleTable(["A", "B"], counts: [(0, 1, 2, 1, 0)]), among: [0, 1]) == nil)
    }

    /// A chain in which each ties with the next and the last beats the first cannot be pulled apart.
    @Test func aCycleOfTiesAndAWinIsFinite() {
        let table = BattleTable(["A", "B", "C"], counts: [(0, 1, 0, 0, 2), (1, 2, 0, 0, 2), (2, 0, 1, 0, 0)])
        // C beats A, and A ties with B, B with C: the ratings C - A = 2, with B between, grow for ever.
        #expect(Davidson(table, among: [0, 1, 2]) == nil)
        let closed = BattleTable(["A", "B", "C"], counts: [(0, 1, 1, 0, 2), (1, 2, 1, 0, 2), (2, 0, 1, 0, 0)])
        #expect(Davidson(closed, among: [0, 1, 2]) != nil)
    }
}
