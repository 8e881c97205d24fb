using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;

namespace Fedxr.Tests
{
    /// <summary>Writes simulated signals as float32, and to the error stream "signal samples bytes": what was
    /// allocated for them. Arguments: a folder of scenario files. Each line of the input is "use_case
    /// signal rate_hz seconds seed task=state …".</summary>
    static class Signals
    {
        static void Main(string[] arguments)
        {
            var scenarios = new Dictionary<string, Scenario>();
            Stream output = Console.OpenStandardOutput();
            string line;
            while ((line = Console.ReadLine()) != null)
            {
                string[] words = line.Split(' ');
                if (!scenarios.ContainsKey(words[0]))
                    scenarios[words[0]] = Scenario.Parse(
                        File.ReadAllText(Path.Combine(arguments[0], words[0] + ".json")));
                double rate = double.Parse(words[2], CultureInfo.InvariantCulture);
                int n = (int)(rate * double.Parse(words[3], CultureInfo.InvariantCulture));
                var states = new Fixed(words);
                Signal signal = Make(scenarios[words[0]], words[1], states, new Noise(int.Parse(words[4])), rate);
                var values = new float[n * signal.Width];
                long before = 0;
                for (int i = 0; i < n; i++)
                {
                    if (i == 1) // what the first call sets up is not counted
                        before = GC.GetAllocatedBytesForCurrentThread();
                    signal.Next(i / rate, values, i * signal.Width);
                }
                long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
                Console.Error.WriteLine("{0} {1} {2}", words[1], n, allocated);
                var bytes = new byte[4 * values.Length];
                Buffer.BlockCopy(values, 0, bytes, 0, bytes.Length);
                output.Write(bytes, 0, bytes.Length);
            }
            output.Flush();
        }

        static Signal Make(Scenario scenario, string name, IStates states, Noise noise, double rate)
        {
            switch (name)
            {
                case "eeg": return new EegSignal(scenario.Simulated("eeg"), states, noise, rate);
                case "eda": return new SkinSignal(scenario.Simulated("eda"), states, noise, rate);
                case "heart-rate": return new HeartSignal(scenario.Simulated("heart_rate"), states, noise);
                case "respiration":
                    return new BreathSignal(scenario.Simulated("respiration"), states, noise, rate);
                case "temperature":
                    return new TemperatureSignal(scenario.Simulated("temperature"), states, noise, rate);
                case "gaze": return new ScanSignal(scenario.Simulated("gaze"), states, noise);
                case "probe":
                    return new MachineSignal(scenario.Simulated("machine"), states, noise, rate, false);
                case "ear":
                    return new MachineSignal(scenario.Simulated("machine"), states, noise, rate, true);
                case "wrist": return new WatchSignal(scenario.Simulated("movement"), states, noise, rate);
                case "head": return new HeadSignal(scenario.Simulated("movement"), states, noise, rate);
                case "voice": return new VoiceSignal(scenario.Simulated("voice"), states, noise, rate);
                case "hand": return new HandSignal(scenario.Simulated("hand"), states, noise);
                default: throw new ArgumentException("no signal " + name);
            }
        }

        /// <summary>States that do not change.</summary>
        sealed class Fixed : IStates
        {
            readonly Dictionary<string, int> states = new Dictionary<string, int>();

            internal Fixed(string[] words)
            {
                for (int i = 5; i < words.Length; i++)
                    states[words[i].Split('=')[0]] = int.Parse(words[i].Split('=')[1]);
            }

            public int StateOf(string task)
            {
                int state;
                return states.TryGetValue(task, out state) ? state : 0;
            }
        }
    }
}
