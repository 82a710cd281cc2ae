import Foundation
import Preferences
import Testing

@testable import VoteFiles

/// The published battles of AlpacaEval, which are no part of the repository: SKEIN_BATTLES names the file
/// (scripts/check-ratings). Ratings are compared with another package's there.
@Suite struct BattlesFileTests {
    private static let path = ProcessInfo.processInfo.environment["SKEIN_BATTLES"]

    @Test(.enabled(if: path != nil, "SKEIN_BATTLES names no file")) func whatIsWrongWithTheDataIsNamed() throws {
        let path = try #require(Self.path)
        let dialect = try #require(VoteDialects.named("battles"))
        let result = try VoteImport.read([path], dialect)
        #expect(result.votes.count == 108_404 && result.tally.read == 108_404)
        let check = DataCheck(result.votes)
        #expect(check.repeats.exact.count == 3_216)
        let findings = Dictionary(uniqueKeysWithValues: check.findings.map { ($0.kind, $0.text) })
        let stars = try #require(findings[.stars])
        #expect(
            stars.contains("two stars") && stars.contains("All 121 pairs") && stars.contains("19 sources"), "\(stars)")
        #expect(try #require(findings[.nested]).contains("6 of 6 annotators"))
        let side = try #require(findings[.fixedSide])
        #expect(side.contains("gpt4_1106_preview left in ") && side.contains("text_davinci_003 left in "), "\(side)")
        #expect(findings[.certain]?.contains("76") == true && findings[.ofItself] != nil)
        #expect(findings[.withoutTexts] != nil)
        for finding in check.findings { print("\(finding.kind.rawValue): \(finding.text)") }

        let votes = check.repeats.removed(from: result.votes)
        for (judge, own) in Dictionary(grouping: votes, by: \.annotator).sorted(by: { $0.key < $1.key }) {
            let table = BattleTable(own)
            let clock = ContinuousClock()
            var rated = 0
            let time = clock.measure {
                for set in Connectivity(table).rated { rated += BradleyTerry(table, among: set)?.items.count ?? 0 }
            }
            print("\(judge): \(table.battles.count) battles, \(rated) of \(table.items.count) sources rated in \(time)")
        }
    }
}
