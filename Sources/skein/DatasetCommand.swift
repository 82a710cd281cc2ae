import ArgumentParser
import Console
import Datasets
import Foundation

struct DatasetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dataset", abstract: "Make data to try Skein with.", subcommands: [Reviews.self])

    struct Reviews: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Short reviews from a grammar: texts, demonstrations, preference pairs and prompts.")
        @Option(help: "Decides every sentence.") var seed: UInt64 = 1
        @Option(help: "Folder to write to.") var output: String

        func run() throws {
            try configurationErrors { try ReviewsCorpus.write(to: URL(filePath: output), seed: seed) }
            Console.error("the reviews of seed \(seed) are in \(output)")
        }
    }
}
