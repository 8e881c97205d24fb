using System;
using System.Globalization;

namespace Fedxr
{
    /// <summary>The core outside Unity, for tests: <c>drive URL [key=value]… [name:layout:hz:delivery]…</c>
    /// (<see cref="Driver"/>).</summary>
    static class Program
    {
        static int Main(string[] arguments)
        {
            switch (arguments[0])
            {
                case "drive":
                    new Driver(Options(arguments)).Run();
                    return 0;
                default:
                    Console.Error.WriteLine("no such command: " + arguments[0]);
                    return 2;
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
                case "token":
                    options.Token = value;
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
