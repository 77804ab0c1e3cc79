import ArgumentParser
import Coordination

struct Keys: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes the keys by which this machine and workers on others know each other.", subcommands: [New.self]
    )

    struct New: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a pair of CURVE keys: NAME.key to hand out, NAME.key_secret to keep.",
            discussion: """
                A coordinator shows the key named coordinator, or the one that LORGNETTE_KEY names. A key that is there \
                already is never overwritten.
                """)

        @Argument(help: "A name: letters, digits, dots, - and _.") var name: String
        @Option(name: .customLong("out"), help: "The folder for both files; keys in the data folder if not said.")
        var folder: String?

        func run() throws {
            do {
                let made = try CurveKeys.make(name, folder: folder)
                Terminal.say("public key  \(made.publicKey)")
                Terminal.say("hand out    \(made.publicFile)")
                Terminal.say("keep        \(made.secretFile)")
            } catch {
                throw Terminal.end(with: error)
            }
        }
    }
}
