import ArgumentParser
import Console
import FeedbackStore
import Foundation

struct FeedbackInviteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invite",
        abstract: "Print a personal link. A person who had one gets another; the old one is void.")
    @OptionGroup var file: StoreOption
    @Argument(help: "The person's name. It stays in the store.") var name: String
    @Flag(help: "The person sees all answers and settles disagreements.") var lead = false

    func run() throws {
        let store = try file.open()
        try feedbackErrors {
            let secret = try store.invite(name, isLead: lead, at: StoreOption.now)
            let address = try store.address() ?? "http://127.0.0.1:8085"
            Console.output("\(address)/#link=\(secret)")
        }
        Console.error(
            "this link is \(name)'s alone and is shown once; it ends with: skein feedback revoke \(name)\(file.argument)"
        )
    }
}

struct FeedbackRevokeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Make a person's link and sessions void. Their answers stay.")
    @OptionGroup var file: StoreOption
    @Argument(help: "The person's name.") var name: String

    func run() throws {
        let store = try file.open()
        try feedbackErrors { try store.revoke(name, at: StoreOption.now) }
        Console.error("the link of \(name) is void; their answers stay in the store")
    }
}

struct FeedbackEraseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "erase", abstract: "Remove a person and all that they said, and name what was derived from it.")
    @OptionGroup var file: StoreOption
    @Argument(help: "The person's name.") var name: String

    func run() throws {
        let store = try file.open()
        let erased = try feedbackErrors { try store.erase(name) }
        var lines = [
            "\(name) (\(erased.pseudonym)) is erased: \(erased.acts) answers and \(erased.texts) texts of theirs"
        ]
        if erased.tasks > 0 {
            lines.append(
                "with their texts went \(erased.tasks) tasks about them and \(erased.othersActs) answers of other people"
            )
        }
        if erased.exports.isEmpty {
            lines.append("no export holds anything of theirs, so no model was trained from it")
        } else {
            lines.append("derived from their answers, and not changed by this command:")
            for export in erased.exports {
                let time = Date(timeIntervalSince1970: Double(export.exportedAt) / 1000).formatted(.iso8601)
                lines.append(
                    "  \(export.place): \(export.rows) rows of annotator \(erased.pseudonym), exported \(time), "
                        + "SHA-256 \(export.sha256.prefix(16))")
            }
            lines.append("export again, remove these files, and train again the models that were trained from them")
        }
        Console.output(lines.joined(separator: "\n"))
    }
}
