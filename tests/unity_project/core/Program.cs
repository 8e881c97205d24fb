using System;
using System.Globalization;
using System.IO;

namespace Fedxr
{
    /// <summary>The core outside Unity, for tests: <c>drive URL [key=value]… [name:layout:hz:delivery]…</c>
    /// (<see cref="Driver"/>); <c>golden FILE</c> (<see cref="Golden"/>); <c>layouts</c>,
    /// <c>layout NAME</c>; <c>prove FILE NONCE HOST</c>; <c>clock</c>; <c>encode N</c>, <c>echo URL N HZ WAY</c>,
    /// <c>bare URL N HZ BYTES WAY</c>
    /// (<see cref="Measure"/>).</summary>
    static class Program
    {
        static int Main(string[] arguments)
        {
            switch (arguments[0])
            {
                case "drive":
                    new Driver(Options(arguments)).Run();
                    return 0;
                case "golden":
                    return new Golden(File.ReadAllText(arguments[1])).Run();
                case "layouts":
                    foreach (Layout layout in Layout.All)
                        Console.WriteLine(layout + " " + layout.Dtype + " " + string.Join(",", layout.Shape));
                    return 0;
                case "layout":
                    Layout found = Layout.Find(arguments[1]);
                    Console.WriteLine(found + " " + found.Dtype + " " + string.Join(",", found.Shape));
                    return 0;
                case "prove":
                    Prove(arguments[1], arguments[2], arguments[3]);
                    return 0;
                case "clock":
                    Clock();
                    return 0;
                case "encode":
                    Measure.Encode(int.Parse(arguments[1]));
                    return 0;
                case "echo":
                    Measure.Echo(Options(new[] { "", arguments[1] }), int.Parse(arguments[2]), double.Parse(arguments[3]),
                        arguments[4] == "one-way");
                    return 0;
                case "bare":
                    Measure.Bare(arguments[1], int.Parse(arguments[2]), double.Parse(arguments[3]),
                        int.Parse(arguments[4]), arguments[5] == "one-way");
                    return 0;
                default:
                    Console.Error.WriteLine("no such command: " + arguments[0]);
                    return 2;
            }
        }

        /// <summary>Public key and proof of the key that is kept for "user" in a folder, as base64.</summary>
        static void Prove(string folder, string nonce, string host)
        {
            UserKey key = UserKey.Of("user", new KeyFolder(folder));
            Console.WriteLine(Convert.ToBase64String(key.Public));
            Console.WriteLine(Convert.ToBase64String(key.Prove(Convert.FromBase64String(nonce), host)));
        }

        /// <summary>Bursts on standard input, four numbers an exchange, one burst a line; after each the
        /// estimate, printed to the last bit.</summary>
        static void Clock()
        {
            var clock = new ClockSync();
            string line;
            while ((line = Console.In.ReadLine()) != null)
            {
                string[] words = line.Split(' ');
                var burst = new Exchange[words.Length / 4];
                for (int i = 0; i < burst.Length; i++)
                    burst[i] = new Exchange
                    {
                        SentUs = long.Parse(words[4 * i]),
                        ReceivedUs = long.Parse(words[4 * i + 1]),
                        AnsweredUs = long.Parse(words[4 * i + 2]),
                        BackUs = long.Parse(words[4 * i + 3])
                    };
                clock.AddBurst(burst, burst.Length);
                Console.WriteLine(string.Format(CultureInfo.InvariantCulture, "{0:R} {1:R} {2:R} {3:R} {4}",
                    clock.OffsetUs, clock.Drift, clock.AtUs, clock.UncertaintyUs, clock.Resets));
            }
        }

        internal static HeadsetOptions Options(string[] arguments)
        {
            var options = new HeadsetOptions
            {
                Url = arguments[1],
                User = "mono",
                Scenario = "companion",
                Tasks = { "emotion" },
                Retry = new Retry { FirstSeconds = 0.02, MostSeconds = 0.2, GiveUpSeconds = 60 }
            };
            for (int i = 2; i < arguments.Length; i++)
            {
                int equals = arguments[i].IndexOf('=');
                string[] parts = arguments[i].Split(':');
                if (equals < 0)
                    options.Channels.Add(new Channel(parts[0], parts[1],
                        double.Parse(parts[2], CultureInfo.InvariantCulture), parts[3]));
                else
                    Set(options, arguments[i].Substring(0, equals), arguments[i].Substring(equals + 1));
            }
            return options;
        }

        static void Set(HeadsetOptions options, string key, string value)
        {
            switch (key)
            {
                case "user":
                    options.User = value;
                    break;
                case "keys":
                    options.Keys = new KeyFolder(value);
                    break;
                case "token":
                    options.Token = value;
                    break;
                case "certificate":
                    options.CertificateSha256 = value;
                    break;
                case "queue":
                    options.QueueBytes = int.Parse(value);
                    break;
                case "give-up":
                    options.Retry.GiveUpSeconds = double.Parse(value, CultureInfo.InvariantCulture);
                    break;
                default:
                    throw new ArgumentException("no option " + key);
            }
        }
    }
}
