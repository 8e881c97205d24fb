using System;
using System.Threading;
using Fedxr.Editor;

namespace Fedxr.Knock
{
    /// <summary>The editor's connection test without its window: URL TOKEN.</summary>
    static class Program
    {
        static int Main(string[] arguments)
        {
            var channels = new[] { new Channel("head", "motion/head", 72), new Channel("hand", "hands/webxr25", 30) };
            try
            {
                using (var test = new ConnectionTest(arguments[0], arguments[1], "", "companion", channels))
                {
                    while (!test.Done)
                    {
                        Thread.Sleep(20);
                        test.Look();
                    }
                    Console.WriteLine(test.Succeeded);
                    Console.WriteLine(test.Text);
                }
            }
            catch (ArgumentException error)
            {
                Console.WriteLine("refused");
                Console.WriteLine(error.Message);
            }
            return 0;
        }
    }
}
