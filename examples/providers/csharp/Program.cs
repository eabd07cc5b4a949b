// An output in C#: it appends records to a file, and acknowledges what is on the disk.
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

const byte Newline = (byte)'\n';

using var stdin = new BufferedStream(Console.OpenStandardInput(), 1 << 16);
using var stdout = Console.OpenStandardOutput(); // not Console.Out, which may write a byte order mark

var asked = ReadLine() is { } first ? Parsed(first) : null;
if (asked is null)
    return Refuse("the first line is no JSON object"); // without repeating it: it may hold secrets
var command = asked["command"]?.ToString() ?? "run";
switch (command)
{
    case "describe":
        Say(new JsonObject { ["status"] = "ready", ["protocol"] = 1 });
        Say(JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "provider.json")))!);
        return 0;
    case "run":
        break;
    default:
        return Refuse($"the command `{command}` is not known");
}

// Every mistake is named by its key, and never by its value.
var config = asked["config"] as JsonObject ?? new JsonObject();
foreach (var (key, _) in config)
    if (key != "path")
        return Refuse($"`{key}` is not known", "this provider knows `path`");
if (config["path"] is not JsonValue named || !named.TryGetValue<string>(out var path))
    return Refuse("`path` is not a text", "name the file to append to");
FileStream sink;
try
{
    sink = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read, 1 << 20);
}
catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
{
    return Refuse($"`path` cannot be written: {error.Message}", "mount its folder");
}

// An older orchestrator, one without `protocol`, knows records alone, and their end is that of stdin.
var protocol = asked.ContainsKey("protocol");
var ready = new JsonObject { ["status"] = "ready" };
if (protocol)
{
    ready["protocol"] = 1;
    ready["capabilities"] = new JsonArray("ack", "reject");
}
Say(ready);

// The signal comes on another thread. What had its checkpoint is acknowledged already.
var writing = new object();
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
{
    context.Cancel = true;
    lock (writing)
    {
        sink.Flush(flushToDisk: true);
        Environment.Exit(1);
    }
});

long records = 0, rejected = 0;
while (ReadLine() is { } line)
{
    lock (writing)
    {
        if (protocol && line.AsSpan().StartsWith("{\"checkpoint\":"u8))
        {
            sink.Flush(flushToDisk: true);
            var id = Parsed(line)!["checkpoint"]!["id"]!.GetValue<long>();
            Say(new JsonObject
            {
                ["ack"] = new JsonObject { ["id"] = id, ["records"] = records, ["rejected"] = rejected },
            });
        }
        else if (protocol && line.AsSpan().StartsWith("{\"end\":"u8))
        {
            sink.Flush(flushToDisk: true);
            Say(new JsonObject { ["end"] = new JsonObject { ["records"] = records, ["rejected"] = rejected } });
            return 0;
        }
        else
        {
            records++;
            if (Parsed(line)?.ContainsKey("data") == true)
            {
                sink.Write(line);
                sink.WriteByte(Newline);
                continue;
            }
            rejected++;
            if (protocol)
                Say(new JsonObject
                {
                    ["reject"] = new JsonObject
                    {
                        ["record"] = records,
                        ["code"] = "not_a_record",
                        ["raw"] = Convert.ToBase64String(line),
                    },
                });
        }
    }
}
sink.Flush(flushToDisk: true);
return protocol ? 1 : 0;

// A whole line without its newline, or null: what follows the last newline was cut off.
byte[]? ReadLine()
{
    using var line = new MemoryStream();
    for (int next; (next = stdin.ReadByte()) != -1; line.WriteByte((byte)next))
        if (next == Newline)
            return line.ToArray();
    return null;
}

JsonObject? Parsed(byte[] line)
{
    try
    {
        return JsonNode.Parse(line) as JsonObject;
    }
    catch (JsonException)
    {
        return null;
    }
}

int Refuse(string message, string hint = "")
{
    Say(new JsonObject { ["status"] = "error", ["message"] = message, ["hint"] = hint });
    return 1;
}

void Say(JsonNode message)
{
    stdout.Write(Encoding.UTF8.GetBytes(message.ToJsonString() + "\n"));
    stdout.Flush();
}
