import Cluster
import Testing

@Suite struct WorkerNameTests {
    @Test(arguments: ["generator-0", "a", "node.1_x", "gpu:7", String(repeating: "n", count: 100)])
    func aNameOfPrintableCharactersIsOne(name: String) { #expect(WorkerName.isValid(name)) }

    @Test(arguments: ["", "node#1", "générateur", "two words", "line\n", "\u{7F}", String(repeating: "n", count: 101)])
    func whatCannotBePartOfARoutingIDIsNone(name: String) { #expect(!WorkerName.isValid(name)) }
}
